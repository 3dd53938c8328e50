/// Why the inputs of a network cannot be what they are given.
enum FeedFault: Error, Equatable, CustomStringConvertible {
  /// The network is not one that is given its inputs by name.
  case noInputs(path: String)
  /// The network is given its inputs in another way.
  case takesInputs(path: String, inputs: [String])
  /// An option does not apply to what the inputs are given.
  case unheeded(option: String)
  /// An input is given nothing.
  case missing(path: String, input: String, takes: String)
  case twice(input: String)
  /// A name is not that of an input.
  case unknown(path: String, input: String, known: [String])
  /// The file does not hold what the input takes.
  case unsuited(file: String, input: String, takes: String)
  case notText(file: String)
  /// The table has no columns for the inputs.
  case noColumns(table: String, input: String, takes: String, columns: [String])
  case missingStep(table: String, row: Int)
  case otherLength(table: String, rows: Int, input: String, steps: Int)
  /// The inputs are given different numbers of examples.
  case differentCounts(first: String, Int, second: String, Int)
  /// Nothing can be scored.
  case noTarget(table: String, columns: [String])
  case unscored(path: String, reason: String)

  var description: String {
    switch self {
    case .noInputs(let path): "\(path): is not a Keras model, whose inputs have names; leave out --input"
    case .takesInputs(let path, let inputs):
      "\(path): its inputs are \(inputs.joined(separator: ", ")); predict takes a table with such columns, texts in a .txt file, or --input NAME=FILE"
    case .unheeded(let option): "\(option) does not say what the inputs of this network are given; leave it out"
    case .missing(let path, let input, let takes):
      "\(path): its input '\(input)' is given nothing; it takes \(takes): --input \(input)=FILE"
    case .twice(let input): "--input \(input) is given twice"
    case .unknown(let path, let input, let known):
      "\(path): has no input '\(input)'; its inputs are \(known.joined(separator: ", "))"
    case .unsuited(let file, let input, let takes): "\(file): is not for the input '\(input)', which takes \(takes)"
    case .notText(let file): "\(file): is not UTF-8 text, or has no lines"
    case .noColumns(let table, let input, let takes, let columns):
      "\(table): its columns (\(columns.prefix(8).joined(separator: ", "))\(columns.count > 8 ? ", …" : "")) do not say what '\(input)' is given, which takes \(takes); name them: --input NAME=\(table):COLUMN,…, or leave others out with --exclude"
    case .missingStep(let table, let row): "\(table): row \(row): a value is missing, and a sequence needs all"
    case .otherLength(let table, let rows, let input, let steps):
      "\(table): \(counted(rows, "row")) for the input '\(input)', which takes \(steps)"
    case .differentCounts(let first, let most, let second, let count):
      "'\(first)' is given \(counted(most, "example")) and '\(second)' \(grouped(count)); give as many, or one for all"
    case .noTarget(let table, let columns):
      "\(table): name the column to compare with by --target COLUMN; its columns are \(columns.prefix(8).joined(separator: ", "))"
    case .unscored(let path, let reason): "\(path): \(reason)"
    }
  }
}
