import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers

/// Why an image has no answer, or a checkpoint cannot give any.
public enum PredictionFault: Error, Equatable, CustomStringConvertible {
  /// The checkpoint has no head.
  case headAbsent(path: String)
  /// The checkpoint does not say how images are prepared.
  case noPreprocessing(path: String)
  /// The names of classes do not match the head's outputs.
  case classCount(path: String, names: Int, outputs: Int)
  /// The image cannot be decoded.
  case unreadable(ImageDecodingFault)
  /// Another process cannot decode the image; `reason` is what it says.
  case unreadableThere(reason: String)
  /// The network does not take images of this size.
  case unsuited(path: String, ArchitectureFault)
  /// The network's outputs are no numbers, or infinite; `weights` describes the first tensor of the network that is the
  /// cause; nil where all are finite.
  case notFinite(item: String, weights: String?)

  public var description: String {
    switch self {
    case .headAbsent(let path): "\(path): has no classifier head and cannot predict; fine-tune it first"
    case .noPreprocessing(let path):
      "\(path): does not say how images are prepared; convert it with --preprocessing"
    case .classCount(let path, let names, let outputs): "\(path): \(names) class names for \(outputs) outputs"
    case .unreadable(let fault): "\(fault)"
    case .unreadableThere(let reason): reason
    case .unsuited(let path, let fault): "\(path): \(fault)"
    case .notFinite(let item, let weights?):
      "\(item): the network's outputs are not finite, because its weights are not: \(weights); use other weights"
    case .notFinite(let item, nil):
      "\(item): the network's outputs are not finite, though its weights are: numbers of the input are too large for it, or it divides by zero, such as by the number of steps where all are masked"
    }
  }
}

extension PredictionFault {
  /// The fault of an item whose outputs are not finite, with the cause.
  public static func notFinite(of item: String, _ model: some Layer) -> PredictionFault {
    .notFinite(item: item, weights: model.checkpoint(architecture: nil).nonfinite.first?.description)
  }
}
