/// A picture of dots in Braille characters, two wide and four high each.
struct BrailleCanvas {
  let columns: Int
  let rows: Int
  private var cells: [UInt32]

  init(columns: Int, rows: Int) {
    self.columns = max(1, columns)
    self.rows = max(1, rows)
    cells = Array(repeating: 0, count: self.columns * self.rows)
  }

  var width: Int { 2 * columns }
  var height: Int { 4 * rows }

  /// Sets the dot in a column from the left and a row from the top; outside there is none.
  mutating func set(_ x: Int, _ y: Int) {
    guard (0..<width).contains(x), (0..<height).contains(y) else { return }
    // Unicode's dots 1, 2, 3, 7 are the left column and 4, 5, 6, 8 the right one.
    let bit = [[0, 3], [1, 4], [2, 5], [6, 7]][y % 4][x % 2]
    cells[y / 4 * columns + x / 2] |= 1 << UInt32(bit)
  }

  /// A line between two dots.
  mutating func line(_ a: (x: Int, y: Int), _ b: (x: Int, y: Int)) {
    let steps = max(abs(b.x - a.x), abs(b.y - a.y), 1)
    for step in 0...steps {
      let share = Double(step) / Double(steps)
      set(
        a.x + Int((Double(b.x - a.x) * share).rounded()), a.y + Int((Double(b.y - a.y) * share).rounded()))
    }
  }

  /// Whether a character has any dot.
  func isDrawn(_ column: Int, _ row: Int) -> Bool { cells[row * columns + column] != 0 }

  /// The character of a place; a space where it has no dot.
  func character(_ column: Int, _ row: Int, with other: BrailleCanvas? = nil) -> Character {
    let dots = cells[row * columns + column] | (other?.cells[row * columns + column] ?? 0)
    return dots == 0 ? " " : Unicode.Scalar(0x2800 + dots).map(Character.init) ?? " "
  }
}
