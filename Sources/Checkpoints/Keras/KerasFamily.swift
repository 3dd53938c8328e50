/// Layer classes with the same arrays.
package struct KerasFamily: Sendable, Equatable {
  /// In lower case and without underscores: `Conv2D`, Keras 1's `Convolution2D`, and Keras 3's name for its group, `conv2d`.
  private let classes: [String]
  /// The arrays in the order in which the layer creates them.
  private let all: [KerasPart]

  package static let dense = KerasFamily(classes: ["dense", "timedistributeddense"], all: [.kernel, .bias])
  package static let convolution = KerasFamily(
    classes: [
      "conv#", "convolution#", "atrousconvolution#", "conv#transpose", "convolution#transpose", "deconvolution#",
    ],
    all: [.kernel, .bias])
  package static let depthwise = KerasFamily(classes: ["depthwiseconv#"], all: [.depthwiseKernel, .bias])
  package static let separable = KerasFamily(
    classes: ["separableconv#", "separableconvolution#"], all: [.depthwiseKernel, .pointwiseKernel, .bias])
  package static let batchNormalization = KerasFamily(
    classes: ["batchnormalization", "batchnormalizationv1"], all: [.scale, .shift, .mean, .variance])
  package static let normalization = KerasFamily(
    classes: ["layernormalization", "groupnormalization"], all: [.scale, .shift])
  package static let embedding = KerasFamily(classes: ["embedding"], all: [.embedding])
  package static let recurrent = KerasFamily(
    classes: ["lstm", "gru", "simplernn"], all: [.kernel, .recurrentKernel, .bias])
  package static let slope = KerasFamily(classes: ["prelu"], all: [.slope])
  package static let attention = KerasFamily(
    classes: ["multiheadattention"],
    all: [KerasPart.Projection.query, .key, .value, .output].flatMap {
      [.projection($0, isBias: false), .projection($0, isBias: true)]
    })
  package static let scores = KerasFamily(classes: ["attention"], all: [.factor, .outerFactor])
  package static let additiveScores = KerasFamily(classes: ["additiveattention"], all: [.factor])
  package static let statistics = KerasFamily(classes: ["normalization"], all: [.mean, .variance, .count])
  package static let layerScale = KerasFamily(classes: ["layerscale"], all: [.scale])

  package static let rootMeanSquare = KerasFamily(classes: ["rmsnormalization"], all: [.factor])

  private static let families = [
    dense, convolution, depthwise, separable, batchNormalization, normalization, embedding, recurrent, slope, attention,
    scores, additiveScores, statistics, layerScale, rootMeanSquare,
  ]

  private init(classes: [String], all: [KerasPart]) {
    // A number of axes stands for `#`.
    self.classes = classes.flatMap { name in
      name.contains("#") ? (1...3).map { name.replacing("#", with: "\($0)d") } : [name]
    }
    self.all = all
  }

  /// The family of a class, or of Keras 3's name for its group; nil if its arrays are not known.
  init?(kind: String) {
    let name = kind.filter { $0 != "_" }.lowercased()
    guard let found = Self.families.first(where: { $0.classes.contains(name) }) else { return nil }
    self = found
  }

  /// The arrays in the order in which the layer creates them, without those that its settings omit.
  package func parts(bias: Bool = true, scale: Bool = true, center: Bool = true) -> [KerasPart] {
    all.filter { part in
      switch part {
      case .bias, .projection(_, isBias: true): bias
      case .scale: scale
      case .shift: center
      default: true
      }
    }
  }

  func parts(_ configuration: JSONValue?) -> [KerasPart] {
    func flag(_ names: String...) -> Bool { names.allSatisfy { configuration?[$0]?.boolean ?? true } }
    if self == Self.scores {
      let isOuter = configuration?["score_mode"]?.text == "concat"
      return (configuration?["use_scale"]?.boolean ?? false ? [.factor] : []) + (isOuter ? [.outerFactor] : [])
    }
    return parts(bias: flag("use_bias", "bias"), scale: flag("scale"), center: flag("center"))
  }
}
