import AviaryDiagnostics

/// Where a table has its ratings.
public struct RatingSettings: Codable, Equatable, Sendable {
  /// The column of the users.
  public var user: String
  /// The columns of the items and of the ratings, one rating a row; nil where a row is a user, and every other column an item.
  public var columns: Columns?

  /// The columns of a table with a row for each rating.
  public struct Columns: Codable, Equatable, Sendable {
    /// The item.
    public var item: String
    /// The rating.
    public var rating: String

    /// The names of the columns.
    public init(item: String, rating: String) {
      self.item = item
      self.rating = rating
    }
  }

  /// The most values of a scale.
  public static let scaleLimit = 100

  /// Settings for a table with a row for each rating.
  public init(user: String, item: String, rating: String) {
    self.user = user
    columns = Columns(item: item, rating: rating)
  }

  /// Of a table with a row for each user and a column for each item.
  public init(wideTableOf user: String) { self.user = user }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    guard let columns else { return }
    guard [user, columns.item, columns.rating].areDistinct else {
      throw .invalidSetting(
        name: "ratings", value: "\(user),\(columns.item),\(columns.rating)", allowed: "three different columns")
    }
  }
}

/// The ratings of a table: who gave what how much.
public struct Ratings: Equatable, Sendable {
  /// One rating.
  public struct Rating: Equatable, Sendable {
    /// A position in `users`.
    public let user: Int
    /// The item.
    public let item: String
    /// nil where it is asked for.
    public let value: Double?
    /// In the file, whose header is row 1.
    public let row: Int
  }

  /// The file that they come from.
  public let path: String
  /// In the order in which they come.
  public let users: [String]
  /// The ratings, in the order of the file.
  public let all: [Rating]
  /// What was found when the file was read, in words.
  public let remarks: [String]

  /// Reads a table.
  ///
  /// - Throws: also where a user has rated an item twice.
  public init(csv path: String, _ settings: RatingSettings) throws(TableFault) {
    try settings.validate()
    if let columns = settings.columns {
      // Names that differ in their bytes alone are equal keys.
      let kinds = Dictionary(
        [(settings.user, Table.Kind.categorical), (columns.item, .categorical), (columns.rating, .numeric)],
        uniquingKeysWith: { first, _ in first })
      try self.init(Table(csv: path, kinds: kinds), settings)
    } else {
      try self.init(Table(csv: path, kinds: [settings.user: .categorical]), settings)
    }
  }

  /// Reads the ratings of a table.
  public init(_ table: Table, _ settings: RatingSettings) throws(TableFault) {
    try settings.validate()
    path = table.path
    let names = TablePreprocessing.classNames(try table.column(settings.user), Array(0..<table.rowCount))
    var users: [String] = []
    var places: [ExactText: Int] = [:]
    var userOfRow: [Int] = []
    var firstRow: [Int] = []
    for (row, name) in names.enumerated() {
      guard let name else {
        throw .unnamedRating(path: table.path, row: table.rowNumbers[row], column: settings.user)
      }
      if let known = places[ExactText(name)] {
        if settings.columns == nil {
          throw .ratedTwice(
            path: table.path, row: table.rowNumbers[row], user: name, item: nil, first: firstRow[known])
        }
        userOfRow.append(known)
      } else {
        places[ExactText(name)] = users.count
        userOfRow.append(users.count)
        users.append(name)
        firstRow.append(table.rowNumbers[row])
      }
    }
    self.users = users
    var all: [Rating] = []
    func numbers(_ name: String) throws(TableFault) -> [Double?] {
      guard case .numeric(let values) = try table.column(name).values else {
        throw .notNumeric(path: table.path, column: name)
      }
      return values
    }
    if let columns = settings.columns {
      remarks = table.remarks(on: [columns.rating])
      let items = TablePreprocessing.classNames(try table.column(columns.item), Array(0..<table.rowCount))
      let values = try numbers(columns.rating)
      var rated: [[ExactText: Int]] = Array(repeating: [:], count: users.count)
      for row in 0..<table.rowCount {
        let number = table.rowNumbers[row]
        guard let item = items[row] else { throw .unnamedRating(path: table.path, row: number, column: columns.item) }
        if let first = rated[userOfRow[row]].updateValue(number, forKey: ExactText(item)) {
          throw .ratedTwice(path: table.path, row: number, user: users[userOfRow[row]], item: item, first: first)
        }
        all.append(Rating(user: userOfRow[row], item: item, value: values[row], row: number))
      }
    } else {
      let items = table.columns.filter { !$0.name.isExactly(settings.user) }
      remarks = table.remarks(on: items.map(\.name))
      for column in items {
        let values = try numbers(column.name)
        for row in 0..<table.rowCount {
          all.append(
            Rating(user: userOfRow[row], item: column.name, value: values[row], row: table.rowNumbers[row]))
        }
      }
    }
    self.all = all
  }

  /// Those that are given.
  public var given: [Rating] { all.filter { $0.value != nil } }
  /// Those that are asked for: pairs of a user and an item whose rating is empty.
  public var asked: [Rating] { all.filter { $0.value == nil } }
}
