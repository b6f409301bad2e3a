"""How the demo's page looks."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; color: #1c2733; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .1rem; } .lead { color: #55616e; margin: 0; }
.cards { display: grid; grid-template-columns: repeat(5, 1fr); gap: .8rem; margin: 1.4rem 0 0; }
.cards div { background: #f2f5f8; border-radius: .5rem; padding: .8rem 1rem; font-size: .85rem; color: #55616e; }
.cards b { display: block; font-size: 1.5rem; color: #1c2733; }
ol li { margin: .25rem 0; } table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: #55616e; }
th, td { padding: .45rem .7rem .45rem 0; vertical-align: top; }
tr + tr { border-top: 1px solid #dbe1e8; } td:nth-child(-n+4) { white-space: nowrap; }
td:last-child { white-space: normal; }
.why { color: #66727f; font-size: .88rem; } .bad { color: #b3261e; font-weight: 600; }
svg { width: 100%; } svg text { font-size: 12px; fill: #66727f; }
.score { fill: none; stroke: #1f5fa8; stroke-width: 1.4; } .limit { stroke: #55616e; stroke-dasharray: 5 4; }
.mark { stroke: #e4e9ee; } rect.fault, .key.fault { fill: #f6cdbd; background: #f6cdbd; }
rect.sensor, .key.sensor { fill: #dfe3e8; background: #dfe3e8; }
rect.alert, .key.alert { fill: #c23b22; background: #c23b22; }
svg text.fault { fill: #9a3f1d; } .key { display: inline-block; width: .9rem; height: .8rem; margin-left: .5rem; }
pre { background: #f2f5f8; padding: 1rem; border-radius: .5rem; font-size: .74rem; line-height: 1.4; overflow-x: auto; }
code { background: #f2f5f8; padding: .1rem .3rem; overflow-wrap: anywhere; }
@media print { body { margin: 0; } h2, svg, tr { break-inside: avoid; } }
"""
