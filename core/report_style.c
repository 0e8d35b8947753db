#include "report_page.h"

/* Colours come in pairs that keep their contrast in the light and in the dark. Nothing is said by a colour alone. */
const char *const kist_report_style[] = {
    ":root{color-scheme:light "
    "dark;--paper:#f4f5f7;--card:#fff;--ink:#1c2430;--soft:#5b6675;--line:#dfe3e8;--link:#1d5fd0;"
    "--good:#1a7f4b;--good-bg:#dff3e7;--bad:#c02626;--bad-bg:#fde4e2;--warn:#9a5b00;--warn-bg:#fff0d4;--blue:#"
    "2f6fdf;"
    "--held:#6b3fd4;--held-bg:#ebe3fd}\n",
    "@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1b212a;--ink:#e6eaf0;--soft:#9aa6b5;--line:#"
    "2e3743;"
    "--link:#7fb0ff;--good:#5fd394;--good-bg:#143626;--bad:#ff8a80;--bad-bg:#47201f;--warn:#f5bd5c;--warn-bg:#"
    "3f2f10;"
    "--blue:#6ea2ff;--held:#bda3ff;--held-bg:#33265c}}\n",
    "*{box-sizing:border-box}\n",
    "body{margin:0 auto;max-width:1180px;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;"
    "overflow-wrap:anywhere}\n",
    "h1{margin:0;font-size:1.9rem;letter-spacing:-.02em}\n", "h2{margin:0 0 .8rem;font-size:1.3rem}\n",
    "h3{margin:1.8rem 0 .5rem;font-size:1rem;border-top:1px solid var(--line);padding-top:1rem}\n",
    "h4{margin:1rem 0 .2rem;font-size:.95rem}\n",
    "p{margin:.3rem 0}\na{color:var(--link)}\nsmall,.note,.empty,footer,header p,.legend{color:var(--soft)}\n",
    "small,.note,.legend,footer{font-size:.85rem}\n",
    "code,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans "
    "Mono',monospace;font-size:.88em}\n",
    "code{background:var(--paper);border-radius:4px;padding:.1em .35em}\n",
    "section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.2rem "
    "1.3rem;margin:1rem 0}\n",
    ".verdict{margin:1rem 0 0;padding:.7rem 1rem;border-radius:12px;font-size:1.15rem;font-weight:600}\n",
    "header .ok{background:var(--good-bg);color:var(--good)}header "
    ".bad{background:var(--bad-bg);color:var(--bad)}\n",
    "header .wait{background:var(--warn-bg);color:var(--warn)}\n",
    ".attention{border-color:var(--bad)}.attention ul{margin:0;padding-left:1.2rem}.attention "
    "li+li{margin-top:.6rem}\n",
    ".next{color:var(--soft)}.warn{color:var(--warn)}\n",
    ".state{display:inline-block;border-radius:99px;padding:.05em "
    ".7em;font-size:.85rem;font-weight:600;white-space:nowrap;"
    "vertical-align:middle}\n",
    ".state.ok{background:var(--good-bg);color:var(--good)}.state.bad{background:var(--bad-bg);color:var(--bad)}"
    ".state.wait{background:var(--warn-bg);color:var(--warn)}\n",
    "table{border-collapse:collapse}\n.overview,.list{width:100%;font-size:.92rem}\n",
    ".overview td,.overview th,.list td,.list th{text-align:left;padding:.45rem .6rem .45rem 0;border-bottom:1px "
    "solid "
    "var(--line);vertical-align:top}\n",
    ".overview thead th,.list thead th{color:var(--soft);font-weight:500;font-size:.85rem}\n",
    ".overview tbody tr:last-child>*,.list tbody tr:last-child>*{border-bottom:0}\n",
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:.8rem 1.2rem;margin:0 0 "
    "1rem}\n",
    "dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-weight:600}dd "
    "small{display:block;font-weight:400}.lanes{display:none}\n",
    ".places{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;padding:0;margin:0}\n",
    ".well>span{color:var(--good)}.unwell>span{color:var(--bad)}.places span{font-weight:700}\n",
    "svg{display:block;width:100%;height:auto;overflow:visible}\n",
    "svg text{fill:var(--soft);font-size:130px}svg .grid{stroke:var(--line);stroke-width:10}\n",
    "svg .lane{stroke:var(--line);stroke-width:10;stroke-dasharray:20 40}\n",
    /* The newest end of a line that is too wide is what is seen first. */
    ".scroll{overflow-x:auto;direction:rtl;padding-bottom:.2rem}.scroll svg{min-width:760px;direction:ltr}\n",
    ".good{fill:var(--good)}.degraded{fill:var(--warn)}.failed{stroke:var(--bad);stroke-width:36;fill:none;"
    "stroke-linecap:round}.missed{fill:var(--card);stroke:var(--held);stroke-width:24}\n",
    ".plots svg{max-width:36rem}\n",
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1rem "
    "2rem;margin-top:1rem}\n",
    "figure{margin:0;min-width:0}figcaption{font-size:.92rem;margin-bottom:.2rem}.key{color:var(--soft);font-size:"
    ".85rem;"
    "margin-left:.7rem}\n",
    ".key::before{content:'';display:inline-block;width:1.5em;border-top:3px solid "
    "var(--blue);vertical-align:middle;"
    "margin-right:.4em}.key.second::before{border-top:3px dashed var(--good)}\n",
    "svg .first,svg "
    ".second{fill:none;stroke:var(--blue);stroke-width:30;stroke-linejoin:round;stroke-linecap:round}"
    "svg .second{stroke:var(--good);stroke-width:24;stroke-dasharray:60 50}\n",
    ".dot{fill:var(--card);stroke:var(--blue);stroke-width:22}.spot{fill:transparent}\n",
    ".months{display:flex;flex-wrap:wrap;align-items:flex-start;gap:1rem 1.6rem;margin:.8rem 0}\n",
    ".month{font-size:.82rem;font-variant-numeric:tabular-nums}.month caption{font-weight:600;text-align:left;"
    "padding-bottom:.2rem}\n",
    ".month th{font-weight:400;color:var(--soft);font-size:.75rem}\n",
    ".month td,.month th{width:2rem;height:1.9rem;text-align:center;padding:0;color:var(--soft);border:2px solid "
    "var(--card);"
    "border-radius:8px;position:relative}\n.month sup{position:absolute;top:-1px;right:2px;font-size:.6rem}\n",
    ".box{display:inline-block;width:.95em;height:.95em;border-radius:4px;vertical-align:-.1em}\n",
    ".month td.kept,.kept{background:var(--good-bg);color:var(--good);box-shadow:inset 0 0 0 1.5px var(--good)}\n",
    ".month td.held,.held{background:var(--held-bg);color:var(--held);box-shadow:inset 0 0 0 3px var(--held)}\n",
    ".month td.odd,.odd{background:repeating-linear-gradient(45deg,var(--warn-bg) 0 4px,transparent 4px 8px);"
    "color:var(--warn);box-shadow:inset 0 0 0 1.5px var(--warn)}\n",
    ".month td.goes,.goes{outline:1.5px dashed var(--soft);outline-offset:-3px}.month td.goes b{font-weight:400;"
    "text-decoration:line-through}\n",
    ".month td.frozen,.frozen{outline:1.5px dotted var(--blue);outline-offset:-3px;color:var(--blue)}\n",
    ".legend span{white-space:nowrap;margin-right:1rem}\n",
    "details{margin:.5rem 0}summary{cursor:pointer;color:var(--link)}\n",
    ".failures{list-style:none;padding:0;margin:0}.failures li{display:flex;gap:1rem;padding:.5rem "
    "0;border-bottom:1px solid "
    "var(--line)}.failures li:last-child{border:0}.when{flex:0 0 9.5rem;color:var(--soft)}\n",
    "@media(max-width:760px){body{padding:1rem .6rem 2rem}section{padding:1rem .9rem}\n",
    ".overview thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n",
    ".overview tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}.overview "
    "tr:last-child{border:0}\n",
    ".overview th,.overview "
    "td{display:flex;justify-content:space-between;gap:1rem;border:0!important;padding:.12rem 0}\n",
    ".overview td::before{content:attr(data-name);color:var(--soft)}.overview tbody th{font-size:1.05rem}\n",
    ".lanes{display:block}dl{grid-template-columns:1fr 1fr}.failures li{display:block}.when "
    "br{display:none}.months{justify-content:center}\n",
    ".list td:nth-child(3),.list th:nth-child(3){display:none}.legend span{white-space:normal}}\n",
    "@media print{body{background:#fff;max-width:none}section{break-inside:avoid}}\n", NULL};
