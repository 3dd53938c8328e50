import AviaryLayers

/// Why training cannot start or continue.
public enum TrainingFault: Swift.Error, CustomStringConvertible, Equatable {
  /// A setting is outside the values that make sense.
  case invalidSetting(name: String, value: String, allowed: String)
  /// A run that was begun by so many processes is to go on with others.
  case otherProcesses(begun: Int, now: Int)
  /// A setting or a task has no meaning for parts of batches, which several processes learn from.
  case notShared(String)
  /// A process found other data than the first, under the same name.
  case otherData(process: Int)
  /// The loss is NaN or infinite: the weights are, or are about to be, worthless. `epoch` counts from 1.
  case lossNotFinite(loss: String, part: Part, epoch: Int, step: Int, learningRate: Double)
  /// A weight, a statistic or a part of the optimizer's state is NaN or infinite: `tensor` describes it. `epoch` counts from
  /// 1, `step` over the whole run; 0 before the first.
  case notFinite(tensor: String, epoch: Int, step: Int)
  /// The weights are finite, and the loss on the test items is not.
  case testLossNotFinite(loss: String)
  /// An epoch, counted from 1, had no batches.
  case noBatches(epoch: Int)
  /// A saved state does not fit the run that would continue it.
  case unusableState(reason: String)

  /// Statistics of batch normalisation are to be estimated, and no trained layer has any.
  case noStatistics
  /// Blocks of maps are to be dropped, and no trained layer has any, or none of those that were named.
  case noMaps(layers: [String]?)
  /// A loss of numbers is asked for where classes are learned.
  case lossOfNumbers(path: String)
  /// Weights are to begin otherwise, and the network has none that are declared so.
  case noWeights(architecture: String)

  /// The best epoch is to be chosen by what the task does not report.
  case notMonitored(Monitor, available: [Monitor])
  /// The optimizer's state of a parameter is incomplete, or does not have its shape.
  case badOptimizerState(path: String, parameter: String, state: String)
  /// Two parameters would have one name in a file. `places` count from 0 in the list of parameters.
  case sharedName(name: String, places: [Int], shapes: [[Int]])
  /// A parameter has no name to be saved under. `place` counts from 0 in the list of parameters.
  case emptyName(place: Int, shape: [Int])
  /// Layers to freeze, or to train alone, are not those of the network. `option` is the one that names them.
  case layers(option: String, FreezeFault)
  /// A run is to end before where it stands.
  case fewerEpochs(Int, begun: Int)
  /// Images are not those that the run was begun with, under the same names.
  case changedImages(first: String, count: Int)
  /// The data of a run are no longer where they were.
  case movedData(path: String)
  /// An option of a resumed run applies to images, and the data are others.
  case onlyForImages(option: String, path: String)
  /// An option is for learning classes, and something else is learned. `learned` says what.
  case onlyForClasses(option: String, learned: String)
  /// Weights are given for other classes than those of the data.
  case classWeights(reason: String, classes: [String])
  /// A file of class weights cannot be read as one.
  case classWeightsFile(path: String, reason: String)
  /// Items are to be drawn by their class, and all are one batch.
  case nothingToDraw(option: String)
  /// Everything is frozen.
  case nothingToTrain(option: String, layers: [String])
  /// Layers are to be unfrozen that are not frozen by then.
  case nothingToUnfreeze(Unfreezing)
  /// A pattern of a parameter group matches no parameter.
  case groupMatchesNothing(pattern: String, firstPaths: [String])
  /// The saved moving average of a parameter is missing, or does not have its shape.
  case badWeightAverage(path: String, parameter: String)
  /// No image of a part of the data can be read.
  case noReadableImages(items: String, count: Int, first: String)
  /// No image of a class that has some can be read.
  case noReadableClass(items: String, name: String, count: Int, first: String)
  /// More images cannot be read than may be; not all may have been tried.
  case tooManySkipped(
    items: String, skipped: Int, tried: Int, all: Int, most: Double, paths: [String], first: String)
  /// An epoch, counted from 1, had batches, but no item to learn from.
  case nothingLearned(epoch: Int)

  /// A checkpoint's description of how its images are prepared is not understood.
  case unreadablePreprocessing(text: String)

  /// A checkpoint does not say how its images were prepared. A guess would cost accuracy without anybody noticing.
  case unknownPreprocessing(path: String)

  /// The path of the data does not exist.
  case noData(path: String)
  /// An `.npz` file holds other arrays than those of a graph.
  case arrays(path: String, names: [String])
  /// A file holds data in a format that is not read.
  case otherFormat(path: String, OtherDataFormat)
  /// The column of a table that is to be predicted is not named.
  case noTarget(path: String)
  /// The data have no examples that could be divided so. `option` asks for it.
  case noParts(option: String, path: String)
  /// Two runs of a cross-validation held out the same item: their data differ.
  case heldOutTwice(item: String, folders: [String])
  /// The options ask for another preparation of a table than the checkpoint's network knows.
  case keptPreparation(path: String)
  /// Features of nodes are asked for that a checkpoint's network does not know.
  case keptNodeFeatures(path: String)
  /// A checkpoint's network was trained on data of another kind.
  case otherKind(path: String, known: String)
  /// A network does not do what the options ask for.
  case unsuitedNetwork(architecture: String, needed: String)
  /// A checkpoint of a network for texts does not name its characters or words.
  case noVocabulary(path: String)

  /// Which items a loss belongs to.
  public enum Part: String, Sendable {
    /// The part that lacks something.
    case training, validation
  }

  public var description: String {
    switch self {
    case .invalidSetting(let name, let value, let allowed):
      "\(name) \(value) is not possible; it must be \(allowed)"
    case .otherProcesses(let begun, let now):
      "the run was begun by \(begun) \(begun == 1 ? "process" : "processes"), and resumes exactly with as many, not with \(now); "
        + (begun == 1 ? "resume it with aviary" : "resume it with mpirun -n \(begun) aviary-mpi")
    case .notShared(let setting):
      "\(setting) is for one process: parts of batches are not enough for it; leave it out, or train with aviary"
    case .otherData(let process):
      "process \(process) has other data than process 0; give every machine the same files"
    case .lossNotFinite(let loss, let part, let epoch, let step, let learningRate):
      "the \(part.rawValue) loss became \(loss) in epoch \(epoch) at step \(step), learning rate \(learningRate); "
        + "start again with a lower --lr, or clip gradients with --clip-norm"
    case .notFinite(let tensor, _, 0):
      "\(tensor): not finite before the first step; train from other weights"
    case .notFinite(let tensor, let epoch, let step):
      "\(tensor): no longer finite in epoch \(epoch), after step \(step) of the run; what was saved before is kept; "
        + "start again with a lower --lr, or clip gradients with --clip-norm"
    case .testLossNotFinite(let loss):
      "the test loss is \(loss), though the weights are finite: numbers in the test items are too large for the network; "
        + "best.h5 and last.h5 are kept"
    case .noBatches(let epoch):
      "epoch \(epoch) had no batches; check that the training data can be read"
    case .unusableState(let reason):
      "the saved state does not belong to this run: \(reason); start a new run"
    case .noStatistics:
      "--statistics needs batch normalisation in the trained layers; leave it out"
    case .noMaps(nil):
      "--dropblock needs trained layers with maps of more than one pixel, and the network has none; leave it out"
    case .noMaps(let layers?):
      "--dropblock-layers \(layers.joined(separator: ",")): no trained normalisation or convolution of maps is there"
    case .noWeights(let architecture):
      "--initializer: \(architecture) has no weights of linear maps, convolutions or recurrent layers; leave it out"
    case .lossOfNumbers(let path):
      "\(path): the target is a class, and --loss is one of numbers; leave it out, or give --task regression"
    case .notMonitored(let monitor, let available):
      "--monitor \(monitor.rawValue): the task does not report it; choose among "
        + available.map(\.rawValue).joined(separator: ", ")
    case .badOptimizerState(let path, let parameter, let state):
      "\(path): the optimizer's \(state) of \(parameter) is missing or has the wrong shape; start a new run from these weights"
    case .sharedName(let name, let places, let shapes):
      "parameters \(places[0]) (\(shapes[0])) and \(places[1]) (\(shapes[1])) are both named '\(name)'; give each model "
        + "a prefix of its own, as in namedParameters(under: \"encoder\")"
    case .emptyName(let place, let shape):
      "parameter \(place) (\(shape)) has no name; give it one, as in [(\"scale\", parameter)]"
    case .fewerEpochs(let epochs, let begun):
      "--epochs \(epochs): the run has begun epoch \(begun); give \(begun) or more"
    case .changedImages(let first, let count):
      "\(first): has changed since the run began" + (count > 1 ? ", as have \(count - 1) other images" : "")
        + "; put back what was there, or start a new run"
    case .movedData(let path):
      "\(path): no such file or folder; if the data have moved, resume with --data and their new place"
    case .onlyForImages(let option, let path):
      "\(option) is for images, which \(path) is not; leave it out"
    case .onlyForClasses(let option, let learned): "\(option) is for learning classes, not \(learned); leave it out"
    case .classWeights(let reason, let classes):
      "--class-weights: \(reason); the classes are \(classes.prefix(20).joined(separator: ", "))"
        + (classes.count > 20 ? ", … (\(classes.count))" : "")
    case .classWeightsFile(let path, let reason):
      "\(path): \(reason); give a line 'class,weight' for each class, or a JSON object of numbers"
    case .nothingToDraw(let option): "\(option): all nodes of a graph are learned at once; try --class-weights"
    case .layers(let option, let fault): "\(option): \(fault)"
    case .nothingToTrain(let option, let layers):
      "\(option) \(layers.joined(separator: ",")): freezes the whole network, so that nothing is left to train; "
        + "leave out a layer, such as the head"
    case .nothingToUnfreeze(let layers):
      "--unfreeze \(layers): no parameter of these layers is frozen before epoch \(layers.epoch); leave it out, or freeze them "
        + "with --freeze"
    case .groupMatchesNothing(let pattern, let paths):
      "parameter group: '\(pattern)' matches no parameter; the model has \(paths.joined(separator: ", "))"
    case .badWeightAverage(let path, let parameter):
      "\(path): the moving average of \(parameter) is missing or has the wrong shape; start a new run from these weights"
    case .unreadablePreprocessing(let text):
      "the checkpoint's preprocessing is not understood: \(text.prefix(200)); give it with --preprocessing"
    case .unknownPreprocessing(let path):
      "\(path) does not say how its images are prepared; convert it with --preprocessing"
    case .noData(let path): "\(path): no such file or folder"
    case .arrays(let path, let names): Self.description(ofArrays: names, in: path)
    case .otherFormat(let path, let format): Self.description(of: format, at: path)
    case .noTarget(let path): "\(path): is a table; name the column to predict with --target"
    case .noParts(let option, let path):
      "\(option): \(path) has no examples that can be divided in this way; leave it out"
    case .heldOutTwice(let item, let folders):
      "\(item): was held out by \(folders.joined(separator: " and by ")); the data changed between these runs: "
        + "put back what was there, or start again"
    case .keptPreparation(let path):
      "\(path): fine-tuning keeps the preparation of the columns that its network knows; "
        + "leave out --exclude, --missing, --outliers, --degree, --interactions-only, --scaling and --tokenizer"
    case .keptNodeFeatures(let path):
      "\(path): fine-tuning keeps the features of nodes that its network knows; leave out --node-features"
    case .otherKind(let path, let known): "\(path): its network was trained on \(known)"
    case .unsuitedNetwork(let architecture, let needed): "\(architecture) \(needed)"
    case .noVocabulary(let path): "\(path): does not list the tokens that its network reads"
    case .noReadableImages(let items, let count, let first):
      "all \(count) \(items) are unreadable; the first: \(first)"
    case .noReadableClass(let items, let name, let count, let first):
      "all \(count) \(items) of the class '\(name)' are unreadable; the first unreadable image: \(first)"
    case .tooManySkipped(let items, let skipped, let tried, let all, let most, let paths, let first):
      "\(skipped) of \(tried == all ? "\(all) \(items)" : "the \(tried) \(items) read so far") cannot be read, and "
        + "--max-skipped allows \(Self.percent(most)) of \(all): \(paths.joined(separator: ", "))"
        + "\(skipped > paths.count ? ", …" : ""); the first: \(first)"
    case .nothingLearned(let epoch):
      "epoch \(epoch) had no item to learn from; give more data, or another --batch-size"
    }
  }

  private static func percent(_ share: Double) -> String {
    let value = significant(100 * share, 4)
    return (value == value.rounded() ? "\(Int(value))" : "\(value)") + " %"
  }

  /// Throws `invalidSetting` unless `isAllowed`.
  static func check(
    _ name: String, _ value: some CustomStringConvertible, _ isAllowed: Bool, _ allowed: String
  ) throws(TrainingFault) {
    if !isAllowed { throw .invalidSetting(name: name, value: value.description, allowed: allowed) }
  }
}
