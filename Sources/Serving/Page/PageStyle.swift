extension Page {
  static let style = """
    :root{--ground:#fbfaf7;--card:#fff;--ink:#1d2421;--faint:#55605b;--line:#8a948f;--accent:#0b6b4f;--on-accent:#fff;
    --bar:#bfe3d4;--wrong:#a3191f;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
    @media (prefers-color-scheme:dark){:root{--ground:#141917;--card:#1d2421;--ink:#edf2ef;--faint:#aab5b0;--line:#7d8a84;
    --accent:#6fd6b0;--on-accent:#0c1512;--bar:#24513f;--wrong:#ff9a94}}
    *{box-sizing:border-box}
    [hidden]{display:none!important}
    body{margin:0}
    header,main{max-width:70rem;margin:0 auto;padding:0 1rem}
    h1{font-size:1.6rem;line-height:1.2;margin:1.5rem 0 .25rem}
    h2{font-size:1.1rem;margin:0 0 .75rem}
    header p,figcaption,caption{color:var(--faint);margin:0}
    section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem;margin:1rem 0}
    #drop{border:2px dashed var(--line);border-radius:.5rem;padding:1.25rem 1rem;text-align:center}
    #drop p{margin:0 0 .75rem}
    #drop.over{border-color:var(--accent);background:var(--bar)}
    .actions{display:flex;flex-wrap:wrap;gap:.75rem;justify-content:center}
    button,.button,select,#key{font:inherit;min-height:2.75rem;padding:.5rem 1rem;border-radius:.5rem;
    border:1px solid var(--line);background:var(--card);color:var(--ink)}
    button,.button{cursor:pointer;display:inline-flex;align-items:center}
    .button,button.main{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
    button:disabled{opacity:.5;cursor:default}
    #file{position:absolute;width:1px;height:1px;opacity:0;overflow:hidden}
    :focus-visible,.button:has(+ #file:focus-visible){outline:3px solid var(--accent);outline-offset:2px}
    .button:has(+ #file:focus-visible){outline-color:var(--ink)}
    .field{display:flex;flex-wrap:wrap;gap:.5rem .75rem;align-items:center;margin-top:1rem}
    video,figure img{display:block;width:100%;border-radius:.5rem;background:var(--ground)}
    video{max-height:60vh;object-fit:contain;margin-bottom:.75rem}
    figure img{height:16rem;object-fit:contain}
    #map{image-rendering:auto}
    #status{min-height:1.5rem;margin:.5rem .25rem;overflow-wrap:anywhere}
    #status.wrong{color:var(--wrong);font-weight:600}
    .columns{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
    figure{margin:0;min-width:0}
    #classes-box{min-width:0}
    table{width:100%;border-collapse:collapse}
    caption{text-align:left;padding-bottom:.25rem}
    th,td{text-align:left;padding:.4rem .5rem;border-top:1px solid var(--line)}
    thead th{border-top:0;font-weight:600;color:var(--faint)}
    thead th:last-child,td button{white-space:nowrap}
    tbody th{font-weight:600;overflow-wrap:anywhere;min-width:6rem;width:60%;background:linear-gradient(var(--bar),var(--bar)) no-repeat left/var(--share,0%) 100%}
    .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
    td button{min-height:2rem;padding:.2rem .6rem}
    button[aria-pressed=true]{border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent)}
    @media (max-width:24rem){header,main{padding:0 .5rem}section{padding:.75rem}table{font-size:.9rem}th,td{padding:.4rem .25rem}}
    @media (min-width:62rem){.columns{grid-template-columns:1fr 1fr 1.2fr}}
    @media (prefers-reduced-motion:no-preference){button,.button{transition:background .15s}}
    """
}
