"""Intake from MES and ERP: rows of their tables and views become plant events."""
