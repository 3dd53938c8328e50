import AviaryArchives
import CPlatform

/// One line at the foot of a terminal that is drawn over and over. Where standard error is not a terminal, a line a minute,
/// so that a log shows that the work goes on.
public struct ProgressLine {
  /// What the line tells.
  public struct Content: Equatable, Sendable {
    /// What is in progress.
    public var label: String
    /// How much is done.
    public var done: Int
    /// How much there is.
    public var total: Int
    /// Items a second; nil where no time has passed.
    public var itemsPerSecond: Double?
    /// What is counted, for a person.
    public var items: String
    /// An estimate; nil while there is none.
    public var secondsLeft: Double?
    /// What else is to be said.
    public var note: String

    /// A line of these parts.
    public init(
      _ label: String, done: Int, total: Int, itemsPerSecond: Double? = nil, items: String = "images",
      secondsLeft: Double? = nil,
      note: String = ""
    ) {
      self.label = label
      self.done = done
      self.total = total
      self.itemsPerSecond = itemsPerSecond
      self.items = items
      self.secondsLeft = secondsLeft
      self.note = note
    }
  }

  /// How much a terminal shows, in characters.
  public struct TerminalSize: Equatable, Sendable {
    /// Characters in a line.
    public var columns: Int
    /// Lines.
    public var rows: Int
  }

  private let write: (String) -> Void
  /// The terminal's width in characters, 0 where there is none.
  private let columns: () -> Int
  private let rows: () -> Int
  private let now: () -> Double
  private let interval: Double
  /// Lines that stand above this one, and how many of them are on the screen.
  private var footer: [String] = []
  private var footerLines = 0
  private var footerAt: Double?
  private var drawnAt: Double?
  /// When the last line was logged, or the work began, where there is no terminal.
  private var loggedAt: Double?

  /// A line on standard error, drawn at most ten times a second.
  public init() {
    self.init(
      write: writeToStandardError, columns: { Int(ap_terminal_columns(2)) },
      rows: { Int(ap_terminal_rows(2)) }, now: secondsOnAClock)
  }

  init(
    write: @escaping (String) -> Void, columns: @escaping () -> Int, rows: @escaping () -> Int = { 24 },
    now: @escaping () -> Double, interval: Double = 0.1
  ) {
    self.write = write
    self.columns = columns
    self.rows = rows
    self.now = now
    self.interval = interval
  }

  /// Draws the line, unless it was drawn a moment ago.
  public mutating func show(_ content: Content) {
    let time = now()
    if let drawnAt, time - drawnAt < interval { return }
    let width = columns()
    guard width > 0 else { return log(content, at: time) }
    drawnAt = time
    drawFooter()
    write("\r" + Self.text(content, columns: width) + "\u{1B}[K")
  }

  private mutating func log(_ content: Content, at time: Double) {
    guard let last = loggedAt else {
      loggedAt = time
      return
    }
    guard time - last >= Self.logInterval else { return }
    loggedAt = time
    write(Self.text(content, columns: 121) + "\n")
  }

  /// The seconds between two lines in a log.
  private static let logInterval: Double = 60

  /// Takes the line away.
  public mutating func clear() {
    if footerLines > 0 {
      write("\r\u{1B}[\(footerLines)A\u{1B}[J")
      (footerLines, drawnAt) = (0, nil)
    }
    guard drawnAt != nil else { return }
    drawnAt = nil
    write("\r\u{1B}[K")
  }

  /// Takes the line away for good, and leaves the lines above it.
  mutating func finish() {
    footerLines = 0
    footer = []
    clear()
  }

  /// Gives the line others to stand above it, at most once a second; nothing where there is no terminal.
  ///
  /// - Parameters:
  ///   - isUrgent: whether it is done now.
  ///   - lines: makes them, none as wide as the terminal.
  mutating func setFooter(isUrgent: Bool = false, _ lines: (TerminalSize) -> [String]) {
    let time = now()
    if !isUrgent, let footerAt, time - footerAt < 1 { return }
    let size = TerminalSize(columns: columns(), rows: rows())
    guard size.columns > 0, !Notices.areSilenced else { return }
    footerAt = time
    clear()
    footer = lines(size)
    drawFooter()
  }

  private mutating func drawFooter() {
    guard footerLines == 0, !footer.isEmpty else { return }
    write("\r" + footer.map { $0 + "\u{1B}[K\n" }.joined())
    footerLines = footer.count
  }

  /// Prints a line that stays, on a terminal or not.
  public mutating func print(_ line: String) {
    clear()
    // A log needs no sign of life soon after a line.
    if loggedAt != nil { loggedAt = now() }
    write(line + "\n")
    drawFooter()
  }

  /// The line's text in less than `columns` characters: the bar takes what room is left, then the note goes, then the end.
  static func text(_ content: Content, columns: Int) -> String {
    let room = columns - 1  // a full line would wrap
    var parts = ["\(content.done)/\(content.total)"]
    if let rate = content.itemsPerSecond { parts.append("\(rounded(rate)) \(content.items)/s") }
    if let left = content.secondsLeft { parts.append("\(duration(left)) left") }
    let numbers = parts.joined(separator: "  ")
    let full = content.note.isEmpty ? numbers : numbers + "  " + content.note
    let details = content.label.count + full.count + 2 <= room ? full : numbers
    let barWidth = min(40, room - content.label.count - details.count - 6)
    guard barWidth >= 5 else { return String((content.label + "  " + details).prefix(max(0, room))) }
    let share = content.total > 0 ? min(1, max(0, Double(content.done) / Double(content.total))) : 0
    let filled = Int(share * Double(barWidth))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled)
    return "\(content.label)  [\(bar)]  \(details)"
  }

  /// Three digits or so: 1234, 56.7, 0.123.
  static func rounded(_ rate: Double) -> String {
    rate >= 100 ? "\(Int(min(rate, 1e15).rounded()))" : "\(significant(rate, 3))"
  }

  /// 0:07, 12:34, 1:02:03.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds.isFinite ? seconds : 0), 1e9).rounded())
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
  }
}

private func writeToStandardError(_ text: String) {
  if Notices.areSilenced { return }
  var standardError = StandardError()
  standardError.write(text)
}
