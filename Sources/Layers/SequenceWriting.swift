import AviaryDiagnostics
import AviaryTensors

/// A network with an answer for each step of a sequence of tokens.
public protocol SequenceTagger: Network {
  /// How many different tokens it reads.
  var symbols: Int { get }

  /// [N, T] → [N, T, outputs]
  ///
  /// - Parameter lengths: of each sequence, in 1...T; nil where all have T steps. What stands beyond them means nothing.
  func callAsFunction(tokens: IntTensor, lengths: [Int]?) -> Tensor
}

/// Sequences of tokens that something is written about.
public struct SourceText: Sendable {
  /// [N, S]
  public var tokens: IntTensor
  /// Of each sequence, in 1...S.
  public var lengths: [Int]

  /// Texts, filled up to the longest, with their lengths.
  public init(tokens: IntTensor, lengths: [Int]) {
    self.tokens = tokens
    self.lengths = lengths
  }
}

/// A network that writes a sequence of tokens about something that it was given: one token after the other, the last of which
/// means the end.
public protocol SequenceWriter<Source>: Network {
  /// What it is given: rows of numbers [N, F], or `SourceText`.
  associatedtype Source

  /// How many different tokens it reads of what it has written.
  var symbols: Int { get }
  /// How many different tokens it reads of its sources; nil where these are numbers.
  var sourceSymbols: Int? { get }

  /// The state before the first token.
  func start(_ source: Source) -> DecoderState
  /// The logits of the token after each one, [N, T] → [N, T, outputs], and the state after the last.
  func next(_ tokens: IntTensor, _ state: DecoderState) -> (logits: Tensor, state: DecoderState)
  /// The logits of each token of a text that is known while it is learned, [N, T] → [N, T, outputs].
  ///
  /// - Parameter previous: the token before each one. A network may replace some by what it would have written itself.
  func callAsFunction(_ source: Source, previous: IntTensor) -> Tensor
}

extension SequenceWriter {
  public var sourceSymbols: Int? { nil }

  public func callAsFunction(_ source: Source, previous: IntTensor) -> Tensor { next(previous, start(source)).logits }
}

/// How a text is searched for that a network finds probable.
public struct BeamSearch: Sendable, Equatable {
  /// How many beginnings are kept at once; 1 always takes the most probable next token.
  public var width: Int
  /// How many tokens a text has at most, without the end.
  public var longest: Int

  /// The widest beam.
  public static let mostWidth = 1024

  /// The number of candidates that are kept, and the longest text.
  public init(width: Int = 1, longest: Int) {
    self.width = width
    self.longest = longest
  }

  /// A text, and what its tokens' probabilities are.
  public struct Result: Sendable, Equatable {
    /// Without the end.
    public var tokens: [Int32]
    /// The mean logarithm of the tokens' probabilities, the end included. Texts are compared by it, so that short ones have
    /// no advantage.
    public var score: Double
    /// Whether it ends by itself, and not because it got too long.
    public var isEnded: Bool
  }

  private struct Beginning {
    var tokens: [Int32] = []
    var sum = 0.0

    func result(isEnded: Bool) -> Result {
      Result(tokens: tokens, score: sum / Double(max(1, tokens.count + (isEnded ? 1 : 0))), isEnded: isEnded)
    }
  }

  /// The best text that is found for one source; nil where the logits are not finite.
  ///
  /// - Parameters:
  ///   - source: a single one, N = 1.
  ///   - end: the token that ends a text, and stands before its first one.
  ///   - never: tokens that are not written.
  public func text<Model: SequenceWriter>(
    _ model: Model, _ source: Model.Source, end: Int32, never: Set<Int32> = []
  ) -> Result? {
    ensure(
      (1...Self.mostWidth).contains(width) && longest >= 0,
      "BeamSearch: a width of \(width) and texts of \(longest) tokens")
    return inference {
      var state = model.start(source)
      var beginnings = [Beginning()]
      var ended: [Result] = []
      for step in 0...longest {
        let last = IntTensor(beginnings.map { $0.tokens.last ?? end }, shape: [beginnings.count, 1])
        let (logits, next) = model.next(last, state)
        let outputs = logits.shape[2]
        let logarithms = logSoftmax(logits.reshaped(to: [-1, outputs])).scalars
        guard logarithms.allSatisfy({ !$0.isNaN }) else { return nil }
        var candidates: [(row: Int, token: Int32, sum: Double)] = []
        for (row, beginning) in beginnings.enumerated() {
          let own = logarithms[row * outputs..<(row + 1) * outputs]
          // No more of a beginning's tokens than these can be among the best of all.
          for token in Self.best(
            own, count: width + 1, where: { $0 == end || $0 < model.symbols && !never.contains($0) })
          {
            candidates.append((row, token, beginning.sum + Double(own[own.startIndex + Int(token)])))
          }
        }
        candidates.sort { ($1.sum, $0.row, $0.token) < ($0.sum, $1.row, $1.token) }
        var (kept, rows): ([Beginning], [Int]) = ([], [])
        for (place, candidate) in candidates.enumerated() where kept.count < width {
          var beginning = beginnings[candidate.row]
          beginning.sum = candidate.sum
          if candidate.token == end {
            // An end counts where it is among the best itself.
            if place < width { ended.append(beginning.result(isEnded: true)) }
          } else {
            beginning.tokens.append(candidate.token)
            kept.append(beginning)
            rows.append(candidate.row)
          }
        }
        // What has not ended by now is cut off.
        if ended.count >= width || kept.isEmpty || step == longest { break }
        (beginnings, state) = (kept, next.selected(rows))
      }
      return (ended.isEmpty ? beginnings.map { $0.result(isEnded: false) } : ended).max {
        ($0.score, $1.tokens.count) < ($1.score, $0.tokens.count)
      }
    }
  }

  /// The most probable tokens, equal ones in their order.
  private static func best(
    _ logarithms: ArraySlice<Float>, count: Int, where isWritten: (Int32) -> Bool
  ) -> [Int32] {
    var best: [(token: Int32, value: Float)] = []
    for (place, value) in logarithms.enumerated() where isWritten(Int32(place)) && value > -.infinity {
      if best.count == count, let least = best.last, value <= least.value { continue }
      let position = best.firstIndex { $0.value < value } ?? best.count
      best.insert((Int32(place), value), at: position)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.token)
  }
}
