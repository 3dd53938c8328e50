import AviaryDiagnostics
import AviaryTensors

/// Some steps of text, ready for a language model.
public struct TextBatch: Sendable, Equatable {
  /// The number of the batch in its epoch, from 0.
  public let number: Int
  /// [N, T]
  public let inputs: IntTensor
  /// [N, T]: the tokens one place later.
  public let targets: IntTensor
  /// Whether every row continues that of the batch before, so that its states may be carried on.
  public let isContinued: Bool
}

/// A text cut into N parallel streams of equal length, read T steps at a time: truncated backpropagation through time.
///
/// Row n of each batch continues row n of the batch before. What is in a batch depends on the text, the sizes,
/// the seed and the epoch, and on nothing else.
public struct TextStreams: Sendable {
  private let tokens: [Int32]
  private let streams: Int
  private let steps: Int
  private let offset: Int
  private let streamLength: Int
  /// The number of batches of the epoch.
  public let count: Int
  /// How many tokens all batches predict.
  public var predictions: Int { min(count * steps, streamLength) * streams }

  /// - Parameters:
  ///   - streams: N, the size of a batch.
  ///   - steps: T, how far gradients flow back.
  ///   - shift: whether each epoch begins at another place among the first T, so that the cuts lie elsewhere; a seed for
  ///     which place that is. Nil begins at the first token.
  ///   - keepingRest: whether a last batch of fewer steps is kept, as in evaluation.
  public init(
    _ tokens: [Int32], streams: Int, steps: Int, shift seed: UInt64? = nil, epoch: Int = 0, keepingRest: Bool = false
  ) throws(TextFault) {
    for (name, value) in [("the number of streams", streams), ("the number of steps", steps)] {
      guard (1...1 << 24).contains(value) else {
        throw .outOfRange(name: name, value: "\(value)", allowed: "1 to \(1 << 24)")
      }
    }
    let needed = streams * (keepingRest ? 1 : steps) + 1
    guard tokens.count >= needed else { throw .tooShort(path: "text", characters: tokens.count, needed: needed) }
    var offset = 0
    if let seed {
      var stream = RandomStream(seed: seed, purpose: "text", path: "shift", step: UInt64(max(0, epoch)))
      offset = stream.integer(below: min(steps, tokens.count - needed + 1))
    }
    self.tokens = tokens
    self.streams = streams
    self.steps = steps
    self.offset = offset
    streamLength = (tokens.count - 1 - offset) / streams
    count = keepingRest ? (streamLength + steps - 1) / steps : streamLength / steps
  }

  /// The batch with this number, in 0..<count.
  public subscript(number: Int) -> TextBatch {
    ensure((0..<count).contains(number), "TextStreams: batch \(number) is outside of 0..<\(count)")
    let length = min(steps, streamLength - number * steps)
    let starts = (0..<streams).map { offset + $0 * streamLength + number * steps }
    return TextBatch(number: number, tokens: tokens, starts: starts, length: length, isContinued: number > 0)
  }
}

/// Windows of T steps from anywhere in a text, each starting without states.
public struct TextWindows: Sendable {
  private let tokens: [Int32]
  private let rows: Int
  private let steps: Int
  private let seed: UInt64
  private let epoch: Int
  /// The number of batches of the epoch: as many as go through the text once.
  public let count: Int

  /// - Parameters:
  ///   - rows: N, the size of a batch.
  ///   - steps: T, the length of a window.
  public init(_ tokens: [Int32], rows: Int, steps: Int, seed: UInt64 = 0, epoch: Int = 0) throws(TextFault) {
    // The sizes have the same bounds, and as many tokens are needed.
    count = try TextStreams(tokens, streams: rows, steps: steps).count
    self.tokens = tokens
    self.rows = rows
    self.steps = steps
    self.seed = seed
    self.epoch = epoch
  }

  /// The batch with this number, in 0..<count; it depends on the seed and the epoch as well.
  public subscript(number: Int) -> TextBatch {
    ensure((0..<count).contains(number), "TextWindows: batch \(number) is outside of 0..<\(count)")
    var stream = RandomStream(seed: seed, purpose: "text", path: "windows#\(epoch)", step: UInt64(number))
    let starts = (0..<rows).map { _ in stream.integer(below: tokens.count - steps) }
    return TextBatch(number: number, tokens: tokens, starts: starts, length: steps, isContinued: false)
  }
}

extension TextBatch {
  fileprivate init(number: Int, tokens: [Int32], starts: [Int], length: Int, isContinued: Bool) {
    func rows(_ shift: Int) -> IntTensor {
      IntTensor(
        starts.flatMap { tokens[$0 + shift..<$0 + shift + length] }, shape: [starts.count, length])
    }
    self.init(number: number, inputs: rows(0), targets: rows(1), isContinued: isContinued)
  }
}

extension TextBatch {
  /// One process's rows of the batch; the first stands in where it has none.
  package func part(_ share: BatchShare) -> TextBatch {
    if share == .whole { return self }
    let (all, steps) = (inputs.shape[0], inputs.shape[1])
    let own = share.part(of: 0..<all)
    let part = own.isEmpty ? 0..<1 : own
    func rows(_ x: IntTensor) -> IntTensor {
      IntTensor(Array(x.scalars[part.lowerBound * steps..<part.upperBound * steps]), shape: [part.count, steps])
    }
    return TextBatch(number: number, inputs: rows(inputs), targets: rows(targets), isContinued: isContinued)
  }
}
