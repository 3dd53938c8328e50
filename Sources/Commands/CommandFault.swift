import Aviary

/// Why a command cannot do what it is asked, beyond the faults of the library.
enum CommandFault: Swift.Error, Equatable, CustomStringConvertible {
  /// The checkpoint has no head, and the command needs its predictions.
  case headAbsent(path: String)
  /// Neither the checkpoint nor the command line says how photographs are prepared.
  case noPreprocessing(path: String)
  /// The network puts out numbers that are not scores of classes.
  case noClasses(path: String)
  /// Tensors are to be told by their order, and no network says which.
  case structureOfNothing(path: String)
  /// The checkpoint to begin from does not name its network.
  case unnamedSource(path: String)
  /// The checkpoint does not say how photographs are prepared, and training on guesses wastes what it knows.
  case unpreparedSource(path: String)
  /// Details of a preprocessing were given, and none that they could change.
  case nothingToChange(path: String)
  /// The classes named are not as many as the head's.
  case classCount(source: String, found: Int, expected: Int)
  /// The file of class names cannot be read or has none.
  case unreadableClasses(path: String)
  /// Classes were named for a file that has no head.
  case classesWithoutHead(path: String)
  /// Not one photograph could be decoded.
  case nothingDecoded(path: String, first: String)
  /// Some photographs could not be predicted.
  case unreadableImages(count: Int, of: Int, first: String)
  /// Some rows of tables, or whole tables, could not be predicted.
  case unpredictedRows(count: Int, of: Int, first: String)
  /// A part of a file is damaged, and all of it is asked for.
  case damaged(path: String, first: String)
  /// The output cannot be written under that name.
  case badOutput(path: String, reason: String)
  /// A checkpoint that writes no text is asked to.
  case noLanguageModel(path: String, architecture: String)
  /// The checkpoint does not know how a table is prepared.
  case noTablePreparation(path: String)
  /// The checkpoint has no tensor of that name.
  case noTensor(path: String, tensor: String, near: String?)
  /// The weights are integers already.
  case quantizedAlready(path: String)
  /// The weights cannot become integers.
  case cannotQuantize(path: String, fault: QuantizationFault)
  /// An option that the kind of the data has no use for.
  case unsuitedOption(option: String, kinds: [DataKind], path: String)

  var description: String {
    switch self {
    case .headAbsent(let path):
      "\(path): has no classifier head and cannot predict; give it one with: aviary finetune --from \(path) --data DIR --output RUN"
    case .noPreprocessing(let path):
      "\(path): does not say how images are prepared; give --preprocessing torchvision, caffe, tensorflow, unit or raw"
    case .noClasses(let path):
      "\(path): its network puts out numbers that are no classes; give it a head with: aviary finetune --from \(path) --data DIR --output RUN"
    case .structureOfNothing(let path):
      "\(path): --by-structure needs the network whose structure is meant; give --architecture NAME"
    case .unnamedSource(let path):
      "\(path): does not say which network it is for; say it once with: aviary convert \(path) OUT.h5 --architecture NAME --preprocessing NAME"
    case .unpreparedSource(let path):
      "\(path): does not say how images are prepared; say it once with: aviary convert \(path) OUT.h5 --preprocessing NAME"
    case .nothingToChange(let path):
      "\(path): has no preprocessing that --input-size, --resize, --mean, --std or --channels could change; give --preprocessing, too"
    case .classCount(let source, let found, let expected):
      "\(source): \(counted(found, "class name")) for a head of \(grouped(expected)) classes"
    case .unreadableClasses(let path): "\(path): cannot be read as a list of class names, one a line"
    case .classesWithoutHead(let path): "\(path): has no classifier head, so that --classes has nothing to name"
    case .nothingDecoded(let path, let first): "\(path): no image could be decoded; the first: \(first)"
    case .unreadableImages(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) images could not be predicted; the first: \(first)"
    case .unpredictedRows(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) rows could not be predicted; the first: \(first)"
    case .damaged(let path, let first): "\(path): \(first)"
    case .badOutput(let path, let reason): "\(path): \(reason)"
    case .noLanguageModel(let path, let architecture):
      "\(path): is a \(architecture), which writes no text; give a checkpoint of char-lstm, char-gru or char-rnn"
    case .noTablePreparation(let path):
      "\(path): was not trained on a table; give images, or a checkpoint made by: aviary train mlp --data TABLE.csv --target COLUMN"
    case .noTensor(let path, let tensor, let near):
      "\(path): has no tensor '\(tensor)'; "
        + (near.map { "is '\($0)' meant?" } ?? "aviary inspect \(path) lists what it has")
    case .quantizedAlready(let path):
      "\(path): its weights are integers already; quantize the checkpoint that it was made from"
    case .cannotQuantize(let path, let fault): "\(path): \(fault)"
    case .unsuitedOption(let option, let kinds, let path):
      "\(option) is for \(kinds.map(\.rawValue).joined(separator: ", ")), which \(path) is not: leave it out"
    }
  }
}
