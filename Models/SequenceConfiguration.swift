// What networks share that read sequences of numbers, or of tokens, and give one answer for each.

import AviaryLayers
import AviaryTensors

/// The configuration of a network that reads sequences of numbers [N, T, I], or of tokens [N, T].
public protocol SequenceConfiguration: NetworkConfiguration {
  /// How many numbers a step of the sequence has: of tokens, how long the vectors are that stand for them.
  var inputs: Int { get set }
  /// How many different tokens there are; nil where sequences are of numbers.
  var symbols: Int? { get }
}

extension SequenceConfiguration {
  /// Checks the sizes of what is read and of the answer, and the input where it is known: [T, I], or [T] of single numbers, or
  /// empty where sequences are of tokens.
  func requireSequences(_ architecture: String, input: [Int]?) throws(ConfigurationFault) {
    try require("classes", outputs, in: 1...1_000_000)
    try require("inputs", inputs, in: 1...8192)
    try require("symbols", symbols ?? 1, in: 1...1_000_000)
    guard let input else { return }
    let fits: Bool =
      switch input.count {
      case 0: symbols != nil
      case 1: symbols == nil && inputs == 1 && input[0] > 0
      case 2: symbols == nil && inputs == input[1] && input[0] > 0
      default: false
      }
    guard fits else {
      throw .wrongInput(
        architecture: architecture, input: input,
        expected: symbols == nil ? "sequences whose steps have \(inputs) numbers" : "sequences of tokens")
    }
  }

  public mutating func fit(input: [Int]) {
    if symbols == nil, (1...2).contains(input.count) { inputs = input.count == 2 ? input[1] : 1 }
  }

  /// Gives the vectors of tokens a length of their own where only the number of tokens was changed.
  mutating func widenTokens(to width: Int, changed names: Set<String>) {
    if symbols != nil, names.contains("symbols"), !names.contains("inputs") { inputs = width }
  }
}

/// Which steps of a batch of sequences are no padding.
enum StepMask {
  /// Ones where a sequence has a step, and zeros behind its end: [N, T, 1]; nil where no sequence ends early.
  static func ones(_ lengths: [Int]?, steps: Int) -> Tensor? {
    guard let lengths, lengths.contains(where: { $0 < steps }) else { return nil }
    let ones = lengths.flatMap { length in (0..<steps).map { $0 < length ? Float(1) : 0 } }
    return Tensor(ones, shape: [lengths.count, steps, 1])
  }
}
