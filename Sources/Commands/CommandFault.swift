import Aviary
import AviaryExplanations

/// Why a command fails, beyond the faults of the library.
enum CommandFault: Swift.Error, Equatable, CustomStringConvertible {
  /// The checkpoint has no head to predict with.
  case headAbsent(path: String)
  /// Neither the checkpoint nor the command line gives a preprocessing.
  case noPreprocessing(path: String)
  /// A network that was trained on other data is given images.
  case noImages(path: String, takes: DataKind)
  /// A network for tables is given what is not called as a table.
  case noTable(path: String, checkpoint: String)
  /// A network, or the data, of another kind than those that are quantized.
  case quantizesImages(path: String, reason: String)
  /// The outputs of the network are not class scores.
  case noClasses(path: String)
  /// Tensors are to be matched by order without an architecture.
  case structureOfNothing(path: String)
  /// The checkpoint to fine-tune does not name its architecture.
  case unnamedSource(path: String, fitting: [String])
  /// The checkpoint to fine-tune has no preprocessing.
  case unpreparedSource(path: String)
  /// Details of a preprocessing were given without one to change.
  case nothingToChange(path: String)
  /// The number of class names differs from the number of outputs.
  case classCount(source: String, found: Int, expected: Int)
  /// Two classes were given one name.
  case sameClass(source: String, name: String)
  /// Finite numbers would become infinite in the type to store them in.
  case overflow(path: String, dtype: String, tensors: [Checkpoint.Overflow])
  /// The file of class names cannot be read or is empty.
  case unreadableClasses(path: String)
  /// Class names were given for images whose folders are the classes.
  case classesOfFolders(path: String)
  /// Class names were given for a checkpoint without a head.
  case classesWithoutHead(path: String)
  /// No image could be decoded.
  case nothingDecoded(path: String, first: String)
  /// Some images could not be predicted.
  case unreadableImages(count: Int, of: Int, first: String)
  /// Some images could not be explained.
  case unexplainedImages(count: Int, of: Int, first: String)
  /// The method does not explain what the network does.
  case unexplained(path: String, fault: ExplanationFault)
  /// Some rows of tables, or whole tables, could not be predicted.
  case unpredictedRows(count: Int, of: Int, first: String)
  /// A part of a file that is needed is damaged.
  case damaged(path: String, first: String)
  /// Objects of a file that may be tensors were not read.
  case unreadable(path: String, objects: [Checkpoint.Unreadable], allows: Bool = false)
  /// Tensors of a file hold numbers that are not finite.
  case notFinite(path: String, tensors: [Checkpoint.Nonfinite])
  /// The output has the wrong extension.
  case badOutput(path: String, reason: String)
  /// A run of several has no best weights yet.
  case unfinishedMember(path: String)
  /// A network gives no answers that an ensemble could join.
  case noEnsemble(path: String)
  /// Averaged weights are worse than those that they were made from.
  case worseAverage(score: String, best: String, path: String)
  /// The output exists and is of another kind.
  case wouldOverwrite(path: String, found: String)
  /// The checkpoint is not a language model.
  case noLanguageModel(path: String, architecture: String)
  /// The checkpoint was not trained on a table.
  case noTablePreparation(path: String)
  /// A text file is given to a network that has no labels for tokens.
  case unlabeledText(path: String, text: String)
  /// Columns are named for a checkpoint that knows its columns, or takes no table.
  case knownColumns(path: String, option: String)
  /// The columns of a table do not fit a network that does not say what it was trained on.
  case unsuitedColumns(data: String, columns: [String], reason: String)
  /// The outputs of a network are not what the options say, or what is scored.
  case otherOutputs(path: String, reason: String)
  /// The checkpoint has no tensor of that name.
  case noTensor(path: String, tensor: String, near: String?)
  /// The weights are already quantized.
  case quantizedAlready(path: String)
  /// The weights cannot be quantized.
  case cannotQuantize(path: String, fault: QuantizationFault)
  /// An option does not apply to the kind of data.
  case unsuitedOption(option: String, kinds: [DataKind], path: String)
  /// The same for an option of collections of graphs.
  case onlyForCollections(option: String, path: String)
  /// Advice is asked for on data of another kind than images.
  case noAdvice(path: String, kind: DataKind)
  /// Nodes or graphs are chosen that the data do not have.
  case noItem(option: String, item: Int, path: String, items: String, range: ClosedRange<Int>)
  /// Nodes are chosen of a collection, or graphs of a single one.
  case otherItems(option: String, path: String, found: String, other: String)
  /// Some nodes or graphs could not be predicted.
  case unpredictedItems(count: Int, of: Int, first: String)
  /// A part of data is asked for that is not known.
  case noPart(part: String, data: String, reason: String, advice: String = "use --part all")
  /// The checkpoint's network did not learn ratings.
  case noRatings(path: String)
  /// What is predicted has no probabilities of classes.
  case noProbabilities(path: String)
  /// There is no page about what learned without labels.
  case noReport(path: String)
  /// Data of this kind are no images to draw.
  case noPictures(path: String, kind: DataKind)
  /// Several data are given, and one of them is no table.
  case manyData(path: String)
  /// The network has no layer of that path.
  case noLayer(path: String, layer: String, near: String?)
  /// The layer puts nothing out that can be looked at: it is not called, or not with one tensor.
  case noOutput(path: String, layer: String)
  /// The output of a layer is no picture.
  case noMaps(path: String, layer: String, shape: [Int])
  /// The layer has no channel of that number.
  case noChannel(path: String, layer: String, channel: Int, count: Int)
  /// The layer has no weights that are filters.
  case noFilters(path: String, layer: String, first: String?)
  /// A checkpoint is to be shown, and nothing says what of it.
  case showWhat(path: String)
  /// The network cannot be written as an ONNX file.
  case notExported(path: String, fault: String)
  /// A program beside this one cannot be started.
  case companionFails(path: String, reason: String)

  var description: String {
    switch self {
    case .notExported(let path, let fault): "\(path): \(fault)"
    case .noRatings(let path): "\(path): did not learn ratings, which --user is for; leave it out"
    case .noProbabilities(let path):
      "\(path): --temperature needs a single output of classes; leave it out"
    case .noReport(let path):
      "\(path) learned without labels, and a report is of classes or numbers; leave out --report"
    case .manyData(let path):
      "\(path): is not a table, and only tables can be described together; give one path at a time"
    case .noLayer(let path, let layer, let near):
      "\(path): has no layer '\(layer)'; " + (near.map { "did you mean '\($0)'?" } ?? "aviary models NAME lists layers")
    case .noOutput(let path, let layer):
      "\(path): the layer '\(layer)' has no output to show; choose a layer inside or next to it"
    case .noMaps(let path, let layer, let shape):
      "\(path): the output of '\(layer)' has the shape \(shape), which is not an image; choose an earlier layer"
    case .noChannel(let path, let layer, let channel, let count):
      "\(path): the layer '\(layer)' has no channel \(channel); it has 0 to \(count - 1)"
    case .noFilters(let path, let layer, let first):
      "\(path): the layer '\(layer)' has no filters" + (first.map { "; the first that has some is '\($0)'" } ?? "")
    case .showWhat(let path):
      "\(path): is a checkpoint; say what to show: --filters LAYER, --maps PHOTO, --maximize LAYER:CHANNEL, --patches LAYER --data DIR, --embed --data DIR or --graph"
    case .noPictures(let path, let kind): "\(path): holds \(kind.rawValue), and images are what is shown"
    case .companionFails(let path, let reason): "\(path): cannot be started: \(reason)"
    case .noPart(let part, let data, let reason, let advice):
      "--part \(part) is not known of \(data), \(reason); \(advice)"
    case .headAbsent(let path):
      "\(path): has no classifier head; add one with: aviary finetune --from \(path) --data DIR --output RUN"
    case .noPreprocessing(let path):
      "\(path): has no preprocessing; give --preprocessing \(Preprocessing.Preset.allValueStrings.joined(separator: ", "))"
    case .noImages(let path, let kind): "\(path): its network was trained on \(kind.rawValue), and takes no images"
    case .noTable(let path, let checkpoint):
      "\(path): is not called as a table is (.csv, .tsv, .json or .jsonl), and the network of \(checkpoint) reads tables"
    case .quantizesImages(let path, let reason):
      "\(path): \(reason); quantize is for networks of images, and calibrates them on images"
    case .noClasses(let path):
      "\(path): the outputs of its network are not class scores; give it a classifier head with: aviary finetune --from \(path) --data DIR --output RUN"
    case .structureOfNothing(let path):
      "\(path): --by-structure needs --architecture NAME"
    case .unnamedSource(let path, let names):
      names.isEmpty
        ? "\(path): does not name its architecture, and its tensors are not named as those of a network of the zoo; if they are one's, give --architecture NAME with --rename or --by-structure"
        : "\(path): does not name its architecture; its tensors fit \(names.joined(separator: ", ")): give --architecture \(names[0])"
    case .unpreparedSource(let path):
      "\(path): has no preprocessing; add it with: aviary convert \(path) OUT.h5 --preprocessing NAME"
    case .nothingToChange(let path):
      "\(path): has no preprocessing for --input-size, --resize, --mean, --std or --channels to change; give --preprocessing, too"
    case .classCount(let source, let found, let expected):
      "\(source): \(counted(found, "class name")) for a head of \(grouped(expected)) classes"
    case .sameClass(let source, let name): "\(source): two classes are called '\(name)'; give each a name of its own"
    case .overflow(let path, let dtype, let tensors):
      "\(path): \(dtype) cannot hold numbers of "
        + tensors.map { "'\($0.path)' (\($0.count))" }.joined(separator: ", ")
        + ": they would become infinite; "
        // bf16 reaches as far as f32, and nothing that --dtype names reaches farther.
        + (dtype == "f16" ? "use --dtype bf16 or f32" : "leave --dtype out")
        + ", or allow it with --allow-overflow"
    case .unreadableClasses(let path): "\(path): is not a list of class names, one per line"
    case .classesOfFolders(let path):
      "\(path): its folders are the classes, and --classes is for IDX and CIFAR files; leave it out"
    case .classesWithoutHead(let path): "\(path): has no classifier head for --classes to name; leave it out"
    case .nothingDecoded(let path, let first): "\(path): no image could be decoded; the first: \(first)"
    case .unreadableImages(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) images could not be predicted; the first: \(first)"
    case .unexplainedImages(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) images could not be explained; the first: \(first)"
    case .unexplained(let path, let fault): "\(path): \(fault)"
    case .unpredictedRows(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) rows could not be predicted; the first: \(first)"
    case .damaged(let path, let first): "\(path): \(first)"
    case .unreadable(let path, let objects, let allows): Self.unreadable(path, objects, allows)
    case .notFinite(let path, let tensors):
      "\(path): not finite: " + tensors.map { "\($0)" }.joined(separator: ", ")
    case .badOutput(let path, let reason): "\(path): \(reason)"
    case .unfinishedMember(let path):
      "\(path): has no best.h5 yet; finish the runs with --resume, or name the checkpoints one by one"
    case .noEnsemble(let path):
      "\(path): its network gives no classes or numbers that an ensemble could join; give one checkpoint, without --tta"
    case .worseAverage(let score, let best, let path):
      "the average has \(score), less good than \(path) with \(best); nothing is written; use an ensemble "
        + "(aviary predict A B …), or write it all the same with --force"
    case .wouldOverwrite(let path, let found):
      "\(path): exists and is \(found); give another name, or write over it with --force"
    case .noLanguageModel(let path, let architecture):
      "\(path): \(architecture) is not a language model; give a checkpoint of char-lstm, char-gru or char-rnn"
    case .noTablePreparation(let path):
      "\(path): was not trained on a table; give images, or a checkpoint from: aviary train mlp --data TABLE.csv --target COLUMN"
    case .unlabeledText(let path, let text):
      "\(text): is text, and \(path) has no label for each token of it; give images or .csv tables, as its network takes them"
    case .knownColumns(let path, let option):
      "\(path): \(option) is for tables and a network that does not know its columns, such as a Keras model; leave it out"
    case .unsuitedColumns(let data, let columns, let reason):
      "\(data): \(counted(columns.count, "column")) to predict from (\(columns.prefix(8).joined(separator: ", "))"
        + (columns.count > 8 ? ", …" : "") + "): \(reason)"
    case .otherOutputs(let path, let reason): "\(path): \(reason)"
    case .noTensor(let path, let tensor, let near):
      "\(path): has no tensor '\(tensor)'; "
        + (near.map { "did you mean '\($0)'?" } ?? "aviary inspect \(path) lists its tensors")
    case .quantizedAlready(let path):
      "\(path): is already quantized; quantize the checkpoint that it was made from"
    case .cannotQuantize(let path, let fault): "\(path): \(fault)"
    case .onlyForCollections(let option, let path):
      "\(option) is for collections of graphs, which \(path) is not; leave it out"
    case .noAdvice(let path, let kind):
      "\(path) holds \(kind.rawValue); advise knows images only, for which there are networks that learned from other images; compare settings with 'aviary search'"
    case .noItem(let option, let item, let path, let items, let range):
      "\(option): \(path) has no \(item); its \(items) are \(range.lowerBound) to \(range.upperBound)"
    case .otherItems(let option, let path, let found, let other):
      "\(option) does not go with \(path), which is \(found); use \(other)"
    case .unpredictedItems(let count, let all, let first):
      count == 1 ? first : "\(count) of \(all) could not be predicted; the first: \(first)"
    case .unsuitedOption(let option, let kinds, let path):
      "\(option) is for \(kinds.map(\.rawValue).joined(separator: ", ")), which \(path) is not; leave it out"
    }
  }

  /// One line for objects of `path` that were not read. `allows`: whether the command has --allow-missing.
  private static func unreadable(_ path: String, _ objects: [Checkpoint.Unreadable], _ allows: Bool) -> String {
    guard let first = objects.first else { return path }
    let more = objects.count == 1 ? "" : "; \(counted(objects.count - 1, "more object")) cannot be read"
    let advice = allows ? "; to go on without, use --allow-missing '\(first.path)'" : ""
    return "\(path): \(first)\(more)\(advice)"
  }
}
