import Aviary
import AviaryPictures

/// What `aviary describe` says of data: once, for the terminal, for a page and as JSON.
struct DataReport {
  /// A piece of the report.
  enum Block {
    case line(String)
    /// What looks wrong.
    case warning(String)
    /// Names or reasons below a line, each on a line of its own.
    case items([String])
    case listing(Listing)
    /// On the page alone.
    case figure(Drawing, caption: String)
    /// Pictures side by side below a title; on the page alone.
    case tiles(String?, [Tile])
  }

  /// Rows below a header.
  struct Listing {
    /// What the rows are, for the page.
    let caption: String
    let header: [String]
    let rows: [[String]]
    /// The columns that are aligned to the right.
    var numbers: Set<Int> = []
    /// How many rows there are beyond these, in words.
    var rest: String?
  }

  /// A picture with the lines below it.
  struct Tile {
    let picture: Drawing
    let lines: [String]
  }

  struct Section {
    /// Names the section in addresses.
    let id: String
    let title: String
    var blocks: [Block]
    /// Whether an empty line stands before it in the terminal.
    var isSetOff = true
  }

  /// What the data are, in one line.
  var summary = ""
  var sections: [Section] = []
  var members: [JSONValue.Member] = []

  /// For the terminal.
  var lines: [String] {
    [summary] + sections.flatMap { section in (section.isSetOff ? [""] : []) + section.blocks.flatMap(\.lines) }
  }

  /// What looks wrong, in the order of the sections.
  var warnings: [String] {
    sections.flatMap { section in
      section.blocks.compactMap { block in if case .warning(let text) = block { text } else { nil } }
    }
  }

  /// "A", "A and B", "A, B and 3 more".
  static func listed(_ names: [String], _ most: Int = 3) -> String {
    if names.count > most { return names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more" }
    return names.count < 2
      ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + names[names.count - 1]
  }
}

extension DataReport.Block {
  fileprivate var lines: [String] {
    switch self {
    case .line(let text): [text]
    case .warning(let text): ["! " + text]
    case .items(let items): items.map { "    " + $0 }
    case .listing(let listing):
      table([listing.header] + listing.rows, right: listing.numbers) + (listing.rest.map { [$0] } ?? [])
    case .figure, .tiles: []
    }
  }
}
