"""Engineering units of OPC UA as units of the plant model."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from andon.plant.model import Unit

#: UN/ECE Recommendation 20, whose codes OPC UA part 8 (5.6.4.3) packs into a number: those of process and machine.
_COMMON_CODES = {
    "CEL": "degC", "FAH": "degF", "KEL": "kelvin",
    "BAR": "bar", "MBR": "mbar", "PAL": "pascal", "KPA": "kPa", "MPA": "MPa", "HPA": "hPa", "PS": "psi",
    "P1": "percent", "59": "ppm",
    "RPM": "rpm", "HTZ": "hertz", "KHZ": "kHz",
    "MTR": "meter", "CMT": "cm", "MMT": "mm", "4H": "um", "C16": "mm/s", "MTS": "m/s", "MSK": "m/s**2", "2X": "m/min",
    "LTR": "liter", "MTQ": "m**3", "L2": "liter/min", "MQH": "m**3/h", "MQS": "m**3/s", "E32": "liter/h",
    "KGM": "kg", "GRM": "gram", "TNE": "metric_ton", "E93": "kg/h", "KGS": "kg/s", "F33": "kg/min",
    "NEW": "newton", "B47": "kN", "NU": "N*m",
    "VLT": "volt", "MMV": "mV", "AMP": "ampere", "4K": "mA", "OHM": "ohm",
    "WTT": "watt", "KWT": "kW", "MAW": "MW", "KWH": "kWh", "JOU": "joule",
    "SEC": "second", "MIN": "minute", "HUR": "hour", "C26": "ms", "DD": "degree",
}  # fmt: skip
#: Names that pint would take for something else, or does not know.
_NAMES = {"Nm": "N*m", "Ncm": "N*cm", "m3": "m**3", "m3/h": "m**3/h", "m²": "m**2", "mm2": "mm**2", "°": "degree"}
_UNIT: TypeAdapter[str] = TypeAdapter(Unit)


def unit_of(information: Any) -> str | None:
    """Return the unit that an EUInformation means, by its code or else by its name; None for one that is not known."""
    known = _COMMON_CODES.get(_code(information.UnitId))
    if known:
        return known
    name = (information.DisplayName.Text or "").strip()
    try:
        return _UNIT.validate_python(_NAMES.get(name, name)) if name else None
    except ValidationError:
        return None


def _code(number: int) -> str:
    """Return the code whose letters are the bytes of the number."""
    return number.to_bytes(4, "big").lstrip(b"\0").decode("ascii", "replace") if 0 < number < 2**31 else ""
