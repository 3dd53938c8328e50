/// Why training cannot begin or go on.
public enum TrainingFault: Swift.Error, CustomStringConvertible, Equatable {
  /// A setting is outside the values that make sense.
  case invalidSetting(name: String, value: String, allowed: String)
  /// The loss is NaN or infinite: the weights are, or are about to be, worthless. `epoch` counts from 1.
  case lossNotFinite(loss: String, part: Part, epoch: Int, step: Int, learningRate: Double)
  /// The data gave not one batch in an epoch, which counts from 1.
  case noBatches(epoch: Int)
  /// A saved state does not fit the run that would continue it.
  case unusableState(reason: String)

  /// Statistics of batch normalisation are to be estimated, and nothing that is trained has any.
  case noStatistics

  /// The optimizer's state of a parameter is incomplete, or does not have its shape.
  case badOptimizerState(path: String, parameter: String, state: String)
  /// Two parameters would have one name in a file. `places` count from 0 in the list of parameters.
  case sharedName(name: String, places: [Int], shapes: [[Int]])
  /// A parameter has no name to be saved under. `place` counts from 0 in the list of parameters.
  case emptyName(place: Int, shape: [Int])
  /// A pattern of a parameter group matches no parameter.
  case groupMatchesNothing(pattern: String, firstPaths: [String])
  /// The saved moving average of a parameter is missing, or does not have its shape.
  case badWeightAverage(path: String, parameter: String)
  /// No photograph of a part of the data can be read.
  case noReadableImages(part: String, skipped: Int)

  /// A checkpoint describes the preparation of its images in words that are not understood.
  case unreadablePreprocessing(text: String)

  /// A checkpoint does not say how its images were prepared. A guess would cost accuracy without anybody noticing.
  case unknownPreprocessing(path: String)

  /// Nothing lies at the path of the data.
  case noData(path: String)
  /// Nobody says which column of a table is to be predicted.
  case noTarget(path: String)
  /// A table is to be prepared in another way than the checkpoint's network knows.
  case keptPreparation(path: String)
  /// A checkpoint's network knows data of another kind, or prepared in another way.
  case otherKind(path: String, known: String)
  /// A checkpoint of a language model does not name its characters.
  case noVocabulary(path: String)

  /// Which items a loss belongs to.
  public enum Part: String, Sendable {
    case training, validation
  }

  public var description: String {
    switch self {
    case .invalidSetting(let name, let value, let allowed):
      "\(name) \(value) is not possible; it must be \(allowed)"
    case .lossNotFinite(let loss, let part, let epoch, let step, let learningRate):
      "the \(part.rawValue) loss became \(loss) in epoch \(epoch) at step \(step), learning rate \(learningRate); "
        + "start again with a lower learning rate"
    case .noBatches(let epoch):
      "the training data gave no batch in epoch \(epoch); check that the folder holds images that can be read"
    case .unusableState(let reason):
      "the saved state does not belong to this run: \(reason); start a new run"
    case .noStatistics:
      "--statistics is for batch normalisation, of which nothing that is trained has any: leave it out"
    case .badOptimizerState(let path, let parameter, let state):
      "\(path): the optimizer's \(state) of \(parameter) is missing or misshapen; start a new run from these weights"
    case .sharedName(let name, let places, let shapes):
      "parameters \(places[0]) (\(shapes[0])) and \(places[1]) (\(shapes[1])) are both named '\(name)'; give each model "
        + "a prefix of its own, as in namedParameters(under: \"encoder\")"
    case .emptyName(let place, let shape):
      "parameter \(place) (\(shape)) has no name; give it one, as in [(\"scale\", parameter)]"
    case .groupMatchesNothing(let pattern, let paths):
      "parameter group: '\(pattern)' matches no parameter; the model has \(paths.joined(separator: ", "))"
    case .badWeightAverage(let path, let parameter):
      "\(path): the moving average of \(parameter) is missing or misshapen; start a new run from these weights"
    case .unreadablePreprocessing(let text):
      "the checkpoint's preprocessing is not understood: \(text.prefix(200)); say it with --preprocessing"
    case .unknownPreprocessing(let path):
      "\(path) does not say how its images are prepared; convert it with --preprocessing"
    case .noData(let path): "\(path): no such file or folder"
    case .noTarget(let path): "\(path): is a table; say with --target which column is to be predicted"
    case .keptPreparation(let path):
      "\(path): its columns stay prepared as its network knows them; "
        + "leave out --exclude, --missing, --outliers, --degree, --interactions-only and --scaling"
    case .otherKind(let path, let known): "\(path): its network knows \(known)"
    case .noVocabulary(let path): "\(path): does not name the characters of its language model"
    case .noReadableImages(let part, let skipped):
      "none of the \(skipped) \(part) images can be read; check that they are JPEG, PNG or WebP"
    }
  }

  /// Throws `invalidSetting` unless `isAllowed`.
  static func check(
    _ name: String, _ value: some CustomStringConvertible, _ isAllowed: Bool, _ allowed: String
  ) throws(TrainingFault) {
    if !isAllowed { throw .invalidSetting(name: name, value: value.description, allowed: allowed) }
  }
}
