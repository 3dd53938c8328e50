// A Keras model that is a plain chain of layers, as its file describes it.
//
// Chollet et al., Keras, 2015: Sequential models, and functional ones in which every layer has one input. The
// configuration lists the layers; KerasConfiguration.swift makes it of what Keras writes. Left out: layers with several
// inputs, masks, and dropout inside of recurrent layers. Feature maps are [N, C, …] whatever Keras's order was.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// The layers of a Keras model one after another. Inputs are rows [N, F], sequences [N, T, F], images [N, C, H, W] or
/// volumes [N, C, D, H, W]; tokens are rows of whole numbers. Images are taken as rows, in Keras's order, where the model
/// takes as many numbers; and as sequences of their lines where it takes these.
public struct KerasChain: Classifier {
  public struct Configuration: NetworkConfiguration {
    /// The shape of one input, channels before positions; nil where any extent will do.
    public var input: [Int?]
    public var layers: [ChainLayer]

    public init(input: [Int?], layers: [ChainLayer]) {
      self.input = input
      self.layers = layers
    }

    /// What the numbers at the end are.
    public enum Output: Sendable {
      /// Scores or probabilities of classes.
      case classes
      /// The probability of the second of two classes.
      case probability
      /// Anything else: estimates, pictures, several yes or no.
      case values
    }

    static let empty = Configuration(
      input: [1], layers: [ChainLayer("dense", "dense", .dense(units: 2, bias: true), .softmax)])

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("layers", layers.count, in: 1...4096)
      try require("axes of the input", self.input.count, in: 1...4)
      for extent in self.input {
        if let extent { try require("an extent of the input", extent, in: 1...ChainShape.mostExtent) }
      }
      var names: Set<String> = []
      for layer in layers {
        let isPath = layer.name.utf8.allSatisfy {
          $0 == UInt8(ascii: "_") || (0x61...0x7a).contains($0) || (0x30...0x39).contains($0)
        }
        guard isPath, !layer.name.isEmpty, names.insert(layer.name).inserted else {
          throw .layer(name: layer.name, reason: "its name is no path of its own")
        }
      }
      guard head != nil else { throw .layer(name: layers[0].name, reason: "neither it nor another has weights") }
      _ = try shapes(from: shape)
      guard let input else { return }
      // Nothing that comes from pictures or tables is known to be a token of the vocabulary.
      if takesTokens {
        throw .wrongInput(
          architecture: "keras-chain", input: input, expected: "rows of tokens, which a program gives it")
      }
      guard let given = taken(input) else {
        throw .wrongInput(architecture: "keras-chain", input: input, expected: described)
      }
      _ = try shapes(from: given)
    }

    var shape: ChainShape { ChainShape(channels: input[0], positions: Array(input.dropFirst())) }

    private var takesTokens: Bool {
      layers.contains { if case .embedding = $0.operation { true } else { false } }
    }

    /// What goes into every layer, and at last what comes out.
    func shapes(from first: ChainShape) throws(ConfigurationFault) -> [ChainShape] {
      var shapes = [first]
      for layer in layers { shapes.append(try layer.output(of: shapes[shapes.count - 1])) }
      return shapes
    }

    /// The last layer with weights, which is the head.
    var head: Int? { layers.lastIndex { $0.operation.hasWeights } }

    /// The shape in which the network takes an input of another, given as commands give it; nil where it does not.
    func taken(_ given: [Int]) -> ChainShape? {
      func fits(_ shape: [Int]) -> ChainShape? {
        guard shape.count == input.count, shape.allSatisfy({ $0 > 0 && $0 <= ChainShape.mostExtent }),
          zip(shape, input).allSatisfy({ $1 == nil || $0 == $1 })
        else { return nil }
        return ChainShape(channels: shape[0], positions: shape.dropFirst().map { $0 })
      }
      switch (input.count, given.count) {
      case (2, 2): return fits([given[1], given[0]])
      case (2, 3) where given[0] == 1: return fits([given[2], given[1]])
      case (1, 3):
        let count = ChainShape.product(given.map { $0 }) ?? 0
        return input[0] == count ? fits([count]) : nil
      default: return fits(given)
      }
    }

    /// The images that the network was made for, where their size is fixed. Lines of a picture that it takes as a sequence,
    /// and pixels of a square one that it takes as a row, are grey.
    public var images: (channels: Int, height: Int, width: Int)? {
      let known = input.compactMap { $0 }
      guard known.count == input.count else { return nil }
      switch known.count {
      case 3: return (known[0], known[1], known[2])
      case 2: return (1, known[1], known[0])
      case 1:
        let side = Int(Double(known[0]).squareRoot())
        return side * side == known[0] ? (1, side, side) : nil
      default: return nil
      }
    }

    private var described: String {
      let extents = input.count == 2 ? [input[1], input[0]] : input
      let kind = ["rows", "sequences", "images", "volumes"][input.count - 1]
      return "\(kind) of \(extents.map { $0.map(String.init) ?? "any" }.joined(separator: "×"))"
    }
  }

  /// The name by which checkpoints know it.
  public static let architecture = "keras-chain"

  public let configuration: Configuration
  private let modules: [ChainModule]
  /// The place of the head among the layers.
  private let headPlace: Int
  private let ending: Configuration.Ending

  public var headPath: String { configuration.layers[headPlace].name }

  public init(_ configuration: Configuration) {
    guard let head = configuration.head, let shapes = try? configuration.shapes(from: configuration.shape) else {
      stopProgram("keras-chain: the configuration has not been validated")
    }
    self.configuration = configuration
    headPlace = head
    ending = configuration.ending
    modules = zip(configuration.layers, shapes).map { ChainModule($0, input: $1) }
  }

  public var children: [Child] { modules.map { Child($0.layer.name, $0) } }

  /// The input of the last layer that has weights.
  public func features(_ x: Tensor) -> Tensor {
    modules[..<headPlace].reduce(arranged(x)) { $1($0) }
  }

  /// Scores whose softmax are the probabilities that Keras computes, or what it computes where these are no probabilities.
  public func head(_ features: Tensor) -> Tensor {
    func scores(_ x: Tensor) -> Tensor {
      (headPlace..<modules.count).reduce(x) { y, place in
        let isScore = place == ending.place && !ending.isMixture && ending.output != .values
        return isScore ? modules[place].withoutActivation(y) : modules[place](y)
      }
    }
    /// Of probabilities, of which none may be infinitely unlikely.
    func logarithm(_ x: Tensor) -> Tensor { log(x.clamped(to: .leastNormalMagnitude...1)) }
    let x = scores(features)
    switch ending.output {
    case .values: return x
    case .classes: return ending.isMixture ? logarithm(x) : x
    case .probability where ending.isMixture: return concatenated([logarithm(1 - x), logarithm(x)], axis: 1)
    case .probability: return concatenated([Tensor(zeros: x.shape), x], axis: 1)
    }
  }

  /// What Keras itself puts out, with the activation at the end.
  public func outputs(_ x: Tensor) -> Tensor { modules.reduce(arranged(x)) { $1($0) } }

  /// The input as [N, C, …].
  private func arranged(_ x: Tensor) -> Tensor {
    let given = Array(x.shape.dropFirst())
    guard x.count > 0, configuration.taken(given) != nil else {
      stopProgram("keras-chain: an input of shape \(x.shape) does not go with [N, …] of \(configuration.input)")
    }
    switch (configuration.input.count, given.count) {
    case (2, 2): return x.channelsFirst()
    case (2, 3): return x.reshaped(to: [x.shape[0]] + given.dropFirst()).channelsFirst()
    case (1, 3): return x.channelsLast().flattened()
    default: return x
    }
  }
}
