"""How the page of a score looks, on a screen and in print."""

STYLE = """
:root { --ink: #1b1f24; --faint: #646c77; --line: #d9dce0; --paper: #fff; --blue: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 24px 60px; max-width: 1120px; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 38px 0 8px;
  padding-bottom: 4px; border-bottom: 1px solid var(--line); }
h3 { font-size: 14.5px; margin: 20px 0 4px; }
p { margin: 6px 0 10px; max-width: 78ch; }
.sub { color: var(--faint); margin: 0 0 14px; } .sub + .sub { margin-top: -8px; }
.secret, .warnings { border-left: 4px solid #d55e00; background: #fdf3ec; padding: 9px 14px;
  margin: 14px 0; max-width: none; }
.secret.practice { border-color: var(--blue); background: #eef5fa; }
.warnings ul { margin: 0; padding-left: 18px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 14px 0; }
dl.facts dt { color: var(--faint); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
dl.facts dd.text { white-space: pre-line; }
code { font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; }
section table td.name { width: 190px; } .tiles + .sub { margin-top: 10px; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
.tile b { display: block; font-size: 27px; font-weight: 600; line-height: 1.25; }
.tile small { color: var(--faint); font-size: 12.5px; display: block; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px;
  font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--faint); font-weight: 500; border-bottom: 1px solid var(--line);
  vertical-align: bottom; }
th, td { padding: 4px 14px 4px 0; } th:last-child, td:last-child { padding-right: 0; }
td { border-bottom: 1px solid #eef0f2; } td.n, th.n { text-align: right; white-space: nowrap; }
td.help { color: var(--faint); font-size: 12.5px; } td.name { overflow-wrap: break-word; }
td.bar, th.bar { width: 250px; } td.bar svg, th.bar svg { display: block; width: 236px; }
.scroll { overflow-x: auto; }
figure { margin: 10px 0; } figure img { width: 100%; height: auto; display: block; }
.curves { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
figcaption { color: var(--faint); font-size: 12.5px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; align-items: center; font-size: 13.5px;
  margin: 8px 0 14px; } .legend span { display: inline-flex; align-items: center; gap: 7px; }
.maps { display: grid; gap: 18px 16px;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
.maps.many { grid-template-columns: repeat(auto-fill, minmax(186px, 1fr)); gap: 12px 10px; }
.maps figure { margin: 0; } .maps figcaption { color: var(--ink); }
.maps figcaption b { font-weight: 600; overflow-wrap: anywhere; }
svg.map { width: 100%; height: auto; display: block; } svg.map image { image-rendering: pixelated; }
svg.map text { font-family: system-ui, sans-serif; }
svg.map text.tick { font-size: 12px; fill: var(--ink); }
details summary { cursor: pointer; color: var(--blue); margin: 8px 0; }
footer { margin-top: 44px; color: var(--faint); font-size: 12.5px; }
@media (max-width: 640px) {
  body { padding: 18px 14px 40px; }
  dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: 6px; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  section table td.name, td.name { width: auto; min-width: 92px; }
  th, td { padding-right: 9px; }
  td.bar, th.bar { width: 84px; } td.bar svg { width: 84px; } th.bar svg { display: none; }
  td.help, th.help { min-width: 210px; }
}
@media print {
  @page { size: A4; margin: 14mm 13mm; }
  body { padding: 0; max-width: none; font-size: 10pt; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
  h2 { margin-top: 20px; } h2, h3, .legend { break-after: avoid; }
  h2 + p, .legend + p { break-after: avoid; }
  table { font-size: 8.5pt; }
  tr, figure, section, .tile, .secret, .warnings { break-inside: avoid; }
  thead { display: table-header-group; }
  .maps { grid-template-columns: repeat(3, 1fr); }
  .maps.many { grid-template-columns: repeat(5, 1fr); }
  .tiles { grid-template-columns: repeat(4, 1fr); }
  .curves { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; } td.help { display: none; } th.help { display: none; }
}
"""
