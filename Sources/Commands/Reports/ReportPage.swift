import AviaryArchives

/// A page of its own: nothing is fetched, nothing runs, and a browser is told so.
struct ReportPage {
  struct Section {
    /// Names the section in addresses.
    let id: String
    let title: String
    let content: [HTML]

    init(_ id: String, _ title: String, _ content: [HTML]) {
      self.id = id
      self.title = title
      self.content = content
    }
  }

  let title: String
  let summary: [HTML]
  let sections: [Section]

  var text: String {
    let head: [HTML] = [
      .element("meta", [("charset", "utf-8")]),
      .element(
        "meta",
        [
          ("http-equiv", "Content-Security-Policy"),
          (
            "content",
            "default-src 'none'; style-src 'sha256-\(Self.styleHash)'; img-src data:; base-uri 'none'; form-action 'none'"
          ),
        ]),
      .element("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")]),
      .element("meta", [("name", "color-scheme"), ("content", "light dark")]),
      .element("meta", [("name", "referrer"), ("content", "no-referrer")]),
      .element("title", .text(title)),
      .drawing("<style>\(Self.style)</style>"),
    ]
    let links = sections.map { HTML.element("li", HTML.element("a", [("href", "#" + $0.id)], .text($0.title))) }
    let body: [HTML] = [
      .element("a", [("class", "skip"), ("href", "#content")], "Skip to the content"),
      .element("header", [], all: [.element("h1", .text(title))] + summary),
      .element("nav", [("aria-label", "Sections")], .element("ul", [], all: links)),
      .element("main", [("id", "content")], all: sections.map(Self.element)),
    ]
    return "<!DOCTYPE html>\n"
      + HTML.element("html", [("lang", "en")], .element("head", [], all: head), .element("body", [], all: body)).markup
      + "\n"
  }

  /// Refuses a folder whose `index.html` is somebody else's, before any work is done for it.
  static func check(_ folder: String) throws(ReportFault) {
    let path = folder + "/index.html"
    let start = String(decoding: FileSystem.beginning(of: path, count: 512), as: UTF8.self)
    if !start.isEmpty, !start.contains(mark) { throw .otherPage(path: path) }
  }

  /// Writes `index.html` into a folder, as a whole.
  ///
  /// - Returns: the path of the page.
  func write(to folder: String) throws(ReportFault) -> String {
    try Self.check(folder)
    let path = folder + "/index.html"
    do throws(ArchiveFault) {
      try FileSystem.createFolder(folder)
      try writeDurably([ByteRegion(Array(text.utf8))], to: path)
    } catch {
      throw .cannotWrite(path: folder, reason: "\(error)")
    }
    return path
  }

  /// What the first bytes of every page of this program hold.
  private static let mark = "default-src &#39;none&#39;; style-src &#39;sha256-"

  private static func element(_ section: Section) -> HTML {
    let heading = HTML.element("h2", [("id", section.id)], .text(section.title))
    return .element("section", [("aria-labelledby", section.id)], all: [heading] + section.content)
  }

  /// The SHA-256 of `style` in Base64, by which browsers know that it is the page's own.
  private static let styleHash = "NsGaj+0OKJ4iuXOp6MtrKvEUlO9vUyBLEHxpbdG1y8A="

  private static let style = """
    :root{color-scheme:light dark;--ink:#1b1f24;--faint:#57606a;--line:#d0d7de;--ground:#fff;--card:#f6f8fa;--link:#0550ae}
    @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#9ea7b3;--line:#3d444d;--ground:#0d1117;--card:#161b22;\
    --link:#79b8ff}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:62rem;padding:1.5rem 1.25rem 4rem;background:var(--ground);color:var(--ink);\
    font:1rem/1.55 system-ui,sans-serif}
    h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.3rem;margin:2.75rem 0 .75rem;\
    border-bottom:1px solid var(--line);padding-bottom:.3rem}h3{font-size:1.05rem;margin:1.75rem 0 .5rem}
    a{color:var(--link)}a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid var(--link);\
    outline-offset:2px}
    .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--ground);padding:.5rem}
    nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;margin:1rem 0;list-style:none}
    .lead{font-size:1.15rem;margin:.25rem 0;overflow-wrap:anywhere}.faint{color:var(--faint)}
    .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1rem}
    figure{margin:1rem 0;break-inside:avoid}figure svg{max-width:100%;height:auto;background:#fff;border-radius:6px;\
    border:1px solid var(--line);display:block}figcaption{color:var(--faint);font-size:.9rem;margin-top:.35rem}
    .figures svg{width:100%}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.9rem;padding:0;list-style:none}
    .tiles svg{width:100%;height:auto;background:var(--card);border-radius:6px;\
    image-rendering:auto}.tiles p{margin:.25rem 0;font-size:.85rem;line-height:1.35;overflow-wrap:anywhere}
    .wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse;font-size:.92rem}\
    caption{text-align:start;color:var(--faint);padding-bottom:.35rem}
    th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:start;vertical-align:top}\
    thead th{border-bottom-width:2px}tbody th{font-weight:500;overflow-wrap:anywhere;min-width:6.5rem;\
    max-width:20rem}
    .number{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}
    dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.3rem 1.25rem}dt{color:var(--faint)}\
    dd{margin:0;overflow-wrap:anywhere}
    pre{background:var(--card);padding:.8rem 1rem;border-radius:6px;overflow-x:auto;white-space:pre-wrap;\
    overflow-wrap:anywhere;font-size:.9rem}
    details{margin:.75rem 0}summary{cursor:pointer;color:var(--link)}
    @media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
    @media print{body{max-width:none;padding:0;font-size:10pt}nav,.skip{display:none}.wide{overflow:visible}\
    section{break-inside:auto}h2,h3{break-after:avoid}a{color:inherit}}
    """
}
