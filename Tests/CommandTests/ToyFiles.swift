import Aviary
import AviaryTestSupport
import Foundation

/// Small checkpoints and photographs, made in a moment.
enum ToyFiles {
  static let preprocessing = """
    {"channels":"rgb","interpolation":"bilinear","mean":[0.5,0.5,0.5],"resize":{"height":64,"kind":"exact","width":64},\
    "scale":0.00392156862745098,"standardDeviation":[0.25,0.25,0.25]}
    """

  /// A toy network for two classes with weights of its seed.
  static func checkpoint(
    _ architecture: String = "resnet-toy", classes: [String]? = ["cat", "dog"], preprocessing: String? = preprocessing,
    seed: UInt64 = 1
  ) throws -> Checkpoint {
    let model = try Registry.zoo.architecture(named: architecture).build().replacingHead(outputs: 2, seed: seed)
    model.initialize(seed: seed)
    var checkpoint = model.checkpoint(architecture: architecture)
    checkpoint.metadata.classes = classes
    checkpoint.metadata.preprocessing = try preprocessing.map { try JSONValue(parsing: $0) }
    return checkpoint
  }

  /// The same without its head.
  static func headless() throws -> Checkpoint {
    let whole = try checkpoint("squeezenet-toy")
    var result = Checkpoint()
    result.metadata = whole.metadata
    result.metadata.headAbsent = true
    for entry in whole.entries where !entry.path.hasPrefix("classifier") { result.set(entry.array, at: entry.path) }
    return result
  }

  /// 16 training and 4 test pictures of cats and dogs.
  static func images(at path: String) throws {
    try DrawnPhotographs.copy(count: 20, imageSize: 64, to: path)
  }
}
