/// A way in which a table cannot be read or used. Rows are counted as a spreadsheet shows them: the header is row 1.
public enum TableFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  // The file.
  /// The file does not exist or cannot be read.
  case unreadable(reason: String)
  /// The file, or its number of columns or cells, is beyond the limit.
  case tooLarge(path: String, what: String, count: Int, limit: Int)
  /// The file is empty: there is no header.
  case noHeader(path: String)
  /// There is a header and nothing below it.
  case noRows(path: String)
  /// Bytes of a field are not UTF-8.
  case notUTF8(path: String, row: Int, column: String)
  /// A row has more or fewer fields than the header.
  case ragged(path: String, row: Int, fields: Int, expected: Int)
  /// A quotation mark stands where RFC 4180 has none, or one is missing.
  case badQuote(path: String, row: Int, column: String, reason: String)
  /// A file is not JSON, or is no table.
  case badJSON(path: String, line: Int, reason: String)
  /// A field of a column of dates is none in the format of the others, or in the one that was given.
  case badDate(path: String, row: Int, column: String, text: String, format: String?)
  /// Dates that have two meanings: day or month first.
  case ambiguousDates(path: String, column: String, text: String)
  /// Dates in two formats.
  case mixedDates(path: String, column: String, first: String, second: String)
  /// A column of the header has no name; its position is counted from 1.
  case unnamedColumn(path: String, position: Int)
  /// The first row holds numbers where names of columns are needed.
  case numbersAsNames(path: String, names: [String])
  /// Two columns have one name.
  case duplicateColumn(path: String, name: String)

  // Columns and fields.
  /// The table has no column of a name that is asked for.
  case noColumn(path: String, name: String, columns: [String])
  /// The table is of predictions without what is true, as `predict` writes them.
  case noTruth(path: String)
  /// A field of a numeric column is not a number.
  case notANumber(path: String, row: Int, column: String, text: String)
  /// A field is infinite, or a number beyond the range of Double.
  case notFinite(path: String, row: Int, column: String, text: String)
  /// A column that needs numbers, such as a regression's target, holds words.
  case notNumeric(path: String, column: String)

  // Preprocessing.
  /// A setting is out of range.
  case invalidSetting(name: String, value: String, allowed: String)
  /// There is no column to predict from.
  case noFeatures(path: String)
  /// A column has no value in the training rows.
  case noValues(path: String, column: String)
  /// No row is left after those with missing values are dropped.
  case noRowsLeft(path: String, rows: Int)
  /// Of none of the classes of a column are there rows enough for every part.
  case rareClasses(path: String, column: String, classes: Int, rows: Int, advice: RareClassAdvice)
  /// The target has the same class in all rows.
  case oneClass(path: String, column: String, name: String)
  /// The target has a class that training has not seen.
  case unknownClass(path: String, row: Int, column: String, name: String)
  /// A column of words has too many different values.
  case tooManyCategories(path: String, column: String, count: Int, limit: Int)
  /// One-hot columns and products exceed the limit.
  case tooManyFeatures(count: Int, limit: Int)
  /// A number is too large to compute with.
  case outOfRange(path: String, row: Int?, column: String)
  /// The rows cannot be split as asked.
  case split(path: String, SplitFault)
  /// A row has no value in the column that says its group.
  case noGroup(path: String, row: Int, column: String)
  /// A row of a time series has no value in a column that is used.
  case missingInSeries(path: String, row: Int, column: String)
  /// There are too few rows for the windows asked for.
  case seriesTooShort(path: String, rows: Int, needed: Int)
  /// A series to predict from has fewer rows than the network reads at once.
  case shorterThanWindow(path: String, rows: Int, window: Int)
  /// Missing values are to be interpolated between rows that have no order.
  case interpolatesUnordered(path: String)
  /// A text has more or fewer labels than tokens.
  case tagCount(path: String, row: Int, tokens: Int, tags: Int)
  /// A list has a missing or empty element, or one that is a list or an object itself.
  case notAList(path: String, row: Int, column: String)
  /// Fields are lists as a program prints them, in a file that has no lists.
  case listAsText(path: String, row: Int, column: String, text: String)
  /// A line with a token has no label.
  case noTag(path: String, line: Int, token: String)
  /// A part of a time series has fewer rows than are predicted at once.
  case partTooShort(path: String, part: String, rows: Int, needed: Int)
  /// The column whose next values are to be predicted holds words.
  case seriesOfWords(path: String, column: String)
  /// A column that needs texts is empty in every row.
  case noTextAnywhere(path: String, column: String)
  /// A column that needs texts holds numbers.
  case noTexts(path: String, column: String)
  // Learning without labels.
  /// Every column has the same value in all rows.
  case nothingVaries(path: String)
  /// A value is none of those that training has seen: a rating outside of the scale.
  case valueNotAllowed(path: String, row: Int, column: String, value: String, allowed: String)
  /// A user has rated an item twice; the rows of a wide table name the same user.
  case ratedTwice(path: String, row: Int, user: String, item: String?, first: Int)
  /// A rating is without its user or its item.
  case unnamedRating(path: String, row: Int, column: String)
  /// Ratings, or counts, have too many different values to be a scale.
  case noScale(path: String, column: String, count: Int, limit: Int)
  /// There is no rating of a user, or no user of that name.
  case noRatings(path: String, user: String?)
  /// No word of a vocabulary is in any text.
  case noWords(path: String, column: String)

  /// Stored preprocessing is not understood, or contradicts itself.
  case unreadablePreprocessing(reason: String)

  public var description: String {
    switch self {
    case .unreadable(let reason): reason
    case .tooLarge(let path, let what, let count, let limit):
      "\(path): refused: \(count) \(what), the limit is \(limit); split the file or leave columns out"
    case .noHeader(let path): "\(path): empty; the first row names the columns"
    case .noRows(let path):
      TableFormat(path: path) == .json ? "\(path): there are no rows" : "\(path): only a header; add rows below it"
    case .notUTF8(let path, let row, let column):
      "\(path): row \(row), column \(column): not UTF-8; save the file again as UTF-8"
    case .ragged(let path, let row, let fields, let expected):
      "\(path): row \(row): \(fields) fields, the header has \(expected); quote fields that contain \(TableFormat(path: path) == .tsv ? "tabs" : "commas")"
    case .badQuote(let path, let row, let column, let reason): "\(path): row \(row), column \(column): \(reason)"
    case .badJSON(let path, let line, let reason): "\(path): line \(line): \(reason)"
    case .badDate(let path, let row, let column, let text, let format?):
      "\(path): row \(row), column \(column): '\(Self.short(text))' is not a date written as \(format)"
    case .badDate(let path, let row, let column, let text, nil):
      "\(path): row \(row), column \(column): '\(Self.short(text))' is not a date in a known format; give --date-format, such as %d.%m.%y"
    case .ambiguousDates(let path, let column, let text):
      "\(path): column \(column): dates such as '\(Self.short(text))' may have the day or the month first; give --date-format %d/%m/%Y or %m/%d/%Y"
    case .mixedDates(let path, let column, let first, let second):
      "\(path): column \(column): '\(Self.short(first))' and '\(Self.short(second))' are dates in different formats; write them in one"
    case .unnamedColumn(let path, let position):
      "\(path): column \(position) has no name in the header; name it, or remove it"
    case .numbersAsNames(let path, let names):
      "\(path): the first row holds numbers alone (\(Self.listed(names))), and it names the columns; add a row of names above it"
    case .duplicateColumn(let path, let name): "\(path): two columns are called '\(name)'; rename one"
    case .noColumn(let path, let name, let columns):
      "\(path): no column '\(name)'; it has \(Self.listed(columns))"
    case .noTruth(let path):
      "\(path): a file of predictions, as 'predict' writes them, without what is true; give the checkpoint, and the data with "
        + "--data, or predictions with columns item, true and probability_CLASS, as a run's out-of-fold.csv"
    case .notANumber(let path, let row, let column, let text):
      "\(path): row \(row), column \(column): '\(Self.short(text))' is not a number"
    case .notFinite(let path, let row, let column, let text):
      "\(path): row \(row), column \(column): '\(Self.short(text))' is not a finite number; correct it or leave it empty"
    case .notNumeric(let path, let column):
      "\(path): column \(column) holds words where numbers are needed; correct it, or predict classes"
    case .invalidSetting(let name, let value, let allowed): "\(name) \(value) is not possible; it must be \(allowed)"
    case .noFeatures(let path): "\(path): no column but the target is left to predict from"
    case .noValues(let path, let column):
      "\(path): column \(column) has no value in the training rows; leave the column out"
    case .noRowsLeft(let path, let rows):
      "\(path): each of the \(rows) rows lacks a value; fill missing values instead of dropping rows"
    case .rareClasses(let path, let column, let classes, let rows, let advice):
      "\(path): column '\(column)' has \(classes) classes in \(rows) rows, too few rows of each to hold out any; \(advice.words)"
    case .oneClass(let path, let column, let name):
      "\(path): every row has the class '\(Self.short(name))' in column \(column); there is nothing to tell apart"
    case .unknownClass(let path, let row, let column, let name):
      "\(path): row \(row), column \(column): '\(Self.short(name))' is not a class that the network knows"
    case .tooManyCategories(let path, let column, let count, let limit):
      "\(path): column \(column) has \(count) different values, the limit is \(limit); leave it out or make it numeric"
    case .tooManyFeatures(let count, let limit):
      "\(count) features, the limit is \(limit); lower the polynomial degree or leave columns out"
    case .outOfRange(let path, let row?, let column):
      "\(path): row \(row), column \(column): the number is too large to compute with"
    case .outOfRange(let path, nil, let column): "\(path): column \(column): its numbers are too large to compute with"
    case .split(let path, let fault): "\(path): \(fault)"
    case .noGroup(let path, let row, let column):
      "\(path): row \(row) has no value in column \(column), which says its group; fill it in or leave out the row"
    case .missingInSeries(let path, let row, let column):
      "\(path): row \(row), column \(column): the value is missing, and a time series needs every value; fill it in, or leave the column out"
    case .seriesTooShort(let path, let rows, let needed):
      "\(path): \(rows) rows are too few for a window and its target, which need \(needed); use more rows, or train with a shorter window"
    case .shorterThanWindow(let path, let rows, let window):
      "\(path): \(counted(rows, "row")) \(rows == 1 ? "is" : "are") too few: the network reads \(window) at once; give the last \(window) rows or more"
    case .interpolatesUnordered(let path):
      "\(path): --missing interpolate fills a gap from the rows beside it, and these rows have no order; give --time-series if they stand in the order of time, or fill gaps by mean, median or most-frequent"
    case .tagCount(let path, let row, let tokens, let tags):
      "\(path): row \(row): \(tokens) tokens and \(tags) labels; give each token one, with spaces between them or in lists of JSON"
    case .notAList(let path, let row, let column):
      "\(path): row \(row), column \(column): the list has an element that is empty, or neither a text nor a number; give a flat list"
    case .listAsText(let path, let row, let column, let text):
      "\(path): row \(row), column \(column): '\(Self.short(text))' is a list as a program prints it; put spaces between its elements, without brackets, or save the table as .jsonl"
    case .noTag(let path, let line, let token):
      "\(path): line \(line): the token '\(Self.short(token))' has no label; put one behind it, and an empty line between texts"
    case .partTooShort(let path, let part, let rows, let needed):
      "\(path): its \(part) part has \(rows) rows, fewer than the \(needed) that are predicted at once; use more rows or a nearer horizon"
    case .seriesOfWords(let path, let column):
      "\(path): column \(column) holds words, and a time series predicts numbers; name another column as the target"
    case .noTextAnywhere(let path, let column):
      "\(path): column \(column) is empty in every row; name the column that holds the texts"
    case .noTexts(let path, let column): "\(path): column \(column) holds numbers where texts are needed"
    case .nothingVaries(let path):
      "\(path): every column that is not excluded has the same value in all rows; there is nothing to learn"
    case .valueNotAllowed(let path, let row, let column, let value, let allowed):
      "\(path): row \(row), column \(column): \(Self.short(value)) is not \(allowed)"
    case .ratedTwice(let path, let row, let user, let item?, let first):
      "\(path): row \(row): '\(Self.short(user))' has rated '\(Self.short(item))' in row \(first) already; keep one of the two"
    case .ratedTwice(let path, let row, let user, nil, let first):
      "\(path): row \(row): '\(Self.short(user))' has row \(first) already; join the two"
    case .unnamedRating(let path, let row, let column):
      "\(path): row \(row), column \(column): empty; every rating needs its user and its item"
    case .noScale(let path, let column, let count, let limit):
      "\(path): column \(column): ratings have \(count) different values; a scale has 2 to \(limit): round them"
    case .noRatings(let path, let user?): "\(path): no user '\(Self.short(user))'"
    case .noRatings(let path, nil): "\(path): holds no rating"
    case .noWords(let path, let column):
      "\(path): column \(column): no text has a word that the network knows; name the column that holds the texts"
    case .unreadablePreprocessing(let reason): "the table's preprocessing is not understood: \(reason)"
    }
  }

  private static func short(_ text: String) -> String {
    let line = text.prefix(40).map { $0.isNewline ? " " : String($0) }.joined()
    return text.count > 40 ? line + "…" : line
  }

  private static func listed(_ names: [String]) -> String {
    names.count <= 12 ? names.joined(separator: ", ") : names.prefix(12).joined(separator: ", ") + ", …"
  }
}

/// What helps where classes have too few rows.
public enum RareClassAdvice: Sendable {
  /// They are words.
  case fewerClasses
  /// They are numbers, which can be estimated.
  case estimateNumbers
  /// They are numbers, and the network tells classes apart.
  case onlyClassesAreLearned

  var words: String {
    switch self {
    case .fewerClasses: "choose a column with fewer different values, add rows, or divide them with --no-stratify"
    case .estimateNumbers: "leave out --task classification to estimate a number, or choose another column"
    case .onlyClassesAreLearned: "of texts only classes are learned, no numbers: choose a column of classes"
    }
  }
}
