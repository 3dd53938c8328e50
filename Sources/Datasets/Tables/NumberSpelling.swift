/// How the numbers of a column are written, where that is not plain decimal notation: with separators between thousands, a
/// decimal comma, a currency or percent sign, negative numbers in parentheses.
///
/// It holds for a whole column, so that one field decides what the others mean: beside "0,5" the field "1,234" is 1.234. A
/// column that could be read in two ways is read as the others of its file are.
public struct NumberSpelling: Codable, Equatable, Sendable {
  /// Between the whole and the fraction: `.` or `,`.
  public var decimal = "."
  /// Between thousands: `,`, `.`, `'` or a space, which stands for every kind of space; nil where there is none.
  public var group: String?
  /// A currency's sign, or `%`; it is left out, and the number stays as it is.
  public var sign: String?
  /// Whether "(5)" is −5.
  public var hasParentheses = false

  /// As Swift writes numbers.
  public static let plain = NumberSpelling()

  /// What the spelling differs in, for a person.
  var description: String {
    let separators: [String: String] = [",": "commas", ".": "points", "'": "apostrophes", " ": "spaces"]
    let parts = [
      group.flatMap { separators[$0] }.map { "\($0) between thousands" }, decimal == "," ? "a decimal comma" : nil,
      sign.map { "'\($0)'" }, hasParentheses ? "negative numbers in parentheses" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? "other spaces or signs than ASCII's" : parts.joined(separator: " and ")
  }

  // MARK: Reading a field

  /// A field without blanks, sign and parentheses: digits, points and the like.
  struct Body {
    var digits: String
    var isNegative = false
    var sign: String?
    var hasParentheses = false

    private static let signs: Set<String> = ["$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₪", "₫", "฿", "¢", "%"]

    init(_ text: String) {
      var scalars = text.unicodeScalars.map { Self.isSpace($0) ? " " : $0 == "\u{2212}" ? "-" : $0 }[...]
      func strip() {
        while scalars.first == " " { scalars.removeFirst() }
        while scalars.last == " " { scalars.removeLast() }
      }
      strip()
      if scalars.first == "(", scalars.last == ")", scalars.count > 2 {
        (hasParentheses, isNegative) = (true, true)
        scalars = scalars.dropFirst().dropLast()
        strip()
      }
      // The sign of a number comes before or after that of the currency: "-$5", "$-5". "--5" is no number.
      var isSigned = hasParentheses
      for _ in 0..<2 {
        if let first = scalars.first, first == "-" || first == "+", !isSigned, scalars.count > 1 {
          (isNegative, isSigned) = (first == "-", true)
          scalars.removeFirst()
        }
        strip()
        for isFirst in [true, false] {
          guard sign == nil, scalars.count > 1, let edge = isFirst ? scalars.first : scalars.last,
            Self.signs.contains(String(edge)), edge != "%" || !isFirst
          else { continue }
          sign = String(edge)
          if isFirst { scalars.removeFirst() } else { scalars.removeLast() }
          strip()
        }
      }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      digits = String(view)
    }

    /// Spaces that do not break a line stand between thousands; the others around fields.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x20, 0x09, 0xa0, 0x2007, 0x2009, 0x202f: true
      default: false
      }
    }
  }

  /// The number in plain decimal notation; nil where the field is none in this spelling.
  func plain(_ body: Body) -> String? {
    guard body.sign == nil || body.sign == sign, !body.hasParentheses || hasParentheses else { return nil }
    let parts = body.digits.split(separator: Character(decimal), omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = ungrouped(parts[0]) else { return nil }
    // Beside a decimal comma, a point that is not between thousands is none.
    guard decimal == "." || !whole.utf8.contains(UInt8(ascii: ".")) else { return nil }
    let number = parts.count == 2 ? "\(whole).\(parts[1])" : whole
    guard number.utf8.contains(where: { (0x30...0x39).contains($0) }), ColumnReading.isDecimal(number),
      number.first != "+", number.first != "-"
    else { return nil }
    return (body.isNegative ? "-" : "") + number
  }

  /// The number that a text is in this spelling; nil where it is none.
  package func number(_ text: String) -> Double? { plain(Body(text)).flatMap { Double($0) } }

  /// Groups of three digits, the first of one to three; a number without separators is fine, too.
  private func ungrouped(_ whole: Substring) -> String? {
    guard let group else { return String(whole) }
    let apostrophe: Set<Character> = group == "'" ? ["'", "\u{2019}"] : [Character(group)]
    let groups = whole.split(omittingEmptySubsequences: false) { apostrophe.contains($0) }
    guard groups.count > 1 else { return String(whole) }
    let areDigits = groups.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard areDigits, (1...3).contains(groups[0].utf8.count), groups[0].utf8.first != UInt8(ascii: "0"),
      groups.dropFirst().allSatisfy({ $0.utf8.count == 3 })
    else { return nil }
    return groups.joined()
  }

  // MARK: Finding the spelling of a column

  /// The only spelling in which every field is a number; nil where there is none, or where two would give other numbers.
  ///
  /// Commas that always stand before three digits separate thousands: fractions that all have three digits are rarer.
  ///
  /// - Parameter decimalComma: whether other columns of the file have shown that its decimal mark is a comma.
  static func found(in bodies: [Body], decimalComma: Bool = false) -> NumberSpelling? {
    let signs = Set(bodies.map(\.sign))
    let marks = signs.compactMap { $0 }
    // 50 beside 50 % is another number; 5 beside $5 is not.
    guard marks.count <= 1, marks != ["%"] || signs.count == 1 else { return nil }
    // "(1)", "(2)" and nothing else is a way of numbering.
    let hasParentheses = bodies.contains(where: \.hasParentheses)
    guard !hasParentheses || bodies.contains(where: { !$0.hasParentheses }) else { return nil }
    let separators: [(decimal: String, group: String?)] = [
      (".", nil), (".", ","), (".", " "), (".", "'"), (",", "."), (",", " "), (",", "'"), (",", nil),
    ]
    return separators.lazy.filter { !decimalComma || $0.decimal == "," }.map {
      NumberSpelling(decimal: $0.decimal, group: $0.group, sign: marks.first, hasParentheses: hasParentheses)
    }.first { spelling in bodies.allSatisfy { spelling.plain($0) != nil } }
  }
}
