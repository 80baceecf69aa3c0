// The style sheet of the status page: one column on a narrow screen, two on a wide one, light or
// dark as the reader's system is. tests/page/run measures the contrasts of the colours on top.
#include "milter/status_page.h"

namespace smtpgate::milter {

std::string_view status_page_style() {
  return R"(:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --text: #18212b; --muted: #51606f; --line: #d3dae2;
  --link: #0b57a4; --good: #14692f; --warn: #8a5200; --bad: #b3261e;
  --door-1: #2a6fbb; --door-2: #b8690a; --out: #0f7f78; --median: #2a6fbb; --slow: #b8690a;
  --track: #e6ebf0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161c; --card: #1a212a; --text: #e7ecf2; --muted: #a5b1be; --line: #35404d;
    --link: #8fc1ff; --good: #79d391; --warn: #f0b860; --bad: #ff938a;
    --door-1: #6fa8ec; --door-2: #e79c48; --out: #4fc4b8; --median: #6fa8ec; --slow: #e79c48;
    --track: #2a333e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible
  { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .5rem 1rem; }
header, main, footer { max-width: 82rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem;
  padding-top: 1.25rem; padding-bottom: .75rem; }
h1 { font-size: 1.5rem; margin: 0; letter-spacing: -.01em; }
header p { margin: 0; color: var(--muted); }
header .when { margin-left: auto; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
h3 { font-size: .95rem; margin: 1.1rem 0 .4rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 1rem 1.15rem; margin: 0 0 1rem; min-width: 0; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); column-gap: 1rem; }
@media (min-width: 62rem) { .pair { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } }
.state { font-weight: 650; padding: .1rem .65rem; border-radius: 999px; border: 1.5px solid; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr));
  background: var(--card); padding: 0; overflow: hidden; }
.tiles div { padding: .75rem 1.15rem; box-shadow: 1px 1px 0 0 var(--line); }
.tiles dt { color: var(--muted); font-size: .87rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.25; }
.tiles dd small { display: block; font-size: .82rem; font-weight: 400; color: var(--muted); }
dl.tiles { margin: 0 0 1rem; border: 1px solid var(--line); border-radius: 8px; }
.plot { display: block; width: 100%; height: auto; }
.plot text { fill: var(--muted); font-size: 12px; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .axis { stroke: var(--muted); stroke-width: 1; }
.plot rect.door-1 { fill: var(--door-1); } .plot rect.door-2 { fill: var(--door-2); }
.plot rect.out { fill: var(--out); }
.plot path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.plot path.median { stroke: var(--median); } .plot circle.median { fill: var(--median); }
.plot path.slow { stroke: var(--slow); stroke-dasharray: 5 3; }
.plot circle.slow { fill: var(--slow); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .4rem 0 0; padding: 0;
  list-style: none; color: var(--muted); font-size: .88rem; }
.legend svg { width: .8rem; height: .8rem; margin-right: .4rem; vertical-align: -1px; }
.legend .door-1 { fill: var(--door-1); } .legend .door-2 { fill: var(--door-2); }
.legend .out { fill: var(--out); }
.legend .median { fill: var(--median); } .legend .slow { fill: var(--slow); }
.scroll { overflow-x: auto; margin: 0 -1.15rem; padding: 0 1.15rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--muted); padding-bottom: .3rem; }
th, td { text-align: left; padding: .34rem 1rem .34rem 0; vertical-align: top;
  border-top: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--muted); font-weight: 500; font-size: .86rem; border-top: 0; }
tbody th { font-weight: 500; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; }
td.text { white-space: normal; min-width: 16rem; overflow-wrap: anywhere; }
td.path { white-space: normal; min-width: 11.5rem; overflow-wrap: anywhere; }
.scroll + .scroll { margin-top: 1rem; }
.bar { width: 5.5rem; min-width: 4rem; } .bar svg { display: block; width: 100%; height: .7rem; margin-top: .32rem; }
.bar .track { fill: var(--track); } .bar .fill { fill: var(--door-1); }
.bar .low { fill: var(--bad); }
.none { color: var(--muted); margin: 0; }
ul.findings { margin: 0; padding: 0; list-style: none; }
ul.findings li { padding: .38rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
ul.findings li:first-child { border-top: 0; }
.kind { font-weight: 650; margin-right: .4rem; }
footer { color: var(--muted); font-size: .88rem; padding-top: .25rem; padding-bottom: 2rem; }
p.command { margin: .4rem 0 0; overflow-wrap: anywhere; }
footer p { margin: 0 0 .2rem; overflow-wrap: anywhere; }
@media print { body { background: none; } section { break-inside: avoid; } }
)";
}

}  // namespace smtpgate::milter
