import AviaryDatasets
import AviaryTensors

/// Views of an image whose predictions are averaged.
public enum TestTimeAugmentation: Equatable, Sendable {
  /// The image alone.
  case single
  /// The image and its mirror image.
  case flip
  /// So many views: the image, and random parts of it, mirrored or not.
  case random(Int)

  /// The most views.
  public static let most = 1000

  /// How many views of an image there are.
  public var views: Int {
    switch self {
    case .single: 1
    case .flip: 2
    case .random(let count): count
    }
  }

  /// The random changes of a view; nil for none.
  ///
  /// Parts have 60 % of the area at least: the small ones of training lose what is to be recognized.
  func augmentation(_ view: Int) -> Augmentation? {
    guard case .random = self, view > 0 else { return nil }
    return Augmentation(scale: 0.6...1)
  }

  /// The inputs of a view, [N, C, H, W].
  func view(_ number: Int, of inputs: Tensor) -> Tensor {
    self == .flip && number == 1 ? inputs.reversed(axis: 3) : inputs
  }
}
