import Aviary
import AviaryPictures

/// What `aviary describe` says of data as a page of its own.
struct DescriptionPage {
  let report: DataReport
  /// What the data are called.
  let title: String

  func page() throws -> ReportPage {
    let warnings = report.warnings
    let lead = HTML.element("p", [("class", "lead")], .text(report.summary + "."))
    let verdict: HTML =
      warnings.isEmpty
      ? .paragraph("Nothing looks wrong.")
      : .element(
        "details", [("open", "")],
        .element("summary", .text("What looks wrong: \(counted(warnings.count, "finding"))")),
        .element("ul", [], all: warnings.map { .element("li", .text(Self.sentence($0))) }))
    return try ReportPage(
      title: title, summary: [lead, verdict],
      sections: report.sections.map { section in
        .init(section.id, section.title, try section.blocks.map(Self.element))
      })
  }

  private static func element(_ block: DataReport.Block) throws -> HTML {
    switch block {
    case .line(let text): return .paragraph(.text(sentence(text)))
    case .warning(let text): return .paragraph(.element("strong", .text(sentence(text))))
    case .items(let items): return .element("ul", [], all: items.map { .element("li", .text($0)) })
    case .listing(let listing):
      let table = HTML.table(
        listing.caption, listing.header, listing.rows.map { $0.map { .text($0) } }, numbers: listing.numbers)
      guard let rest = listing.rest else { return table }
      return .element("div", table, .paragraph(.text(rest)))
    case .figure(let drawing, let caption): return try figure(drawing, caption)
    case .tiles(let title, let tiles):
      let heading = title.map { HTML.element("h3", .name($0)) }
      let list: HTML = .element("ul", [("class", "tiles")], all: try tiles.map(Self.element))
      return .element("div", [], all: [heading, tiles.isEmpty ? nil : list].compactMap { $0 })
    }
  }

  private static func element(_ tile: DataReport.Tile) throws -> HTML {
    let lines = tile.lines.enumerated().map { number, line in
      HTML.element("p", number > 0 ? [("class", "faint")] : [], .name(line))
    }
    return .element("li", [], all: [.drawing(try tile.picture.svg())] + lines)
  }

  /// A line of the terminal as a page writes it.
  private static func sentence(_ line: String) -> String { line.prefix(1).uppercased() + line.dropFirst() }
}
