import ArgumentParser
import Aviary

extension NodeEncoding.Part: OptionWord {}

/// How the graphs of a collection are prepared.
struct GraphArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The features of nodes in a collection of graphs: attributes, labels (one-hot), degree (one-hot) (attributes and labels as far as the files have them, else degree).",
      valueName: "name,..."))
  var nodeFeatures: String?

  func validate() throws { _ = try parts() }

  var options: GraphOptions {
    get throws {
      var options = GraphOptions()
      options.nodeFeatures = try parts()
      return options
    }
  }

  private func parts() throws -> [NodeEncoding.Part]? {
    guard let nodeFeatures else { return nil }
    var parts: [NodeEncoding.Part] = []
    for word in nodeFeatures.split(separator: ",", omittingEmptySubsequences: false).map({ trimmed($0) }) {
      guard let part = NodeEncoding.Part(argument: word) else {
        throw ValidationError(
          "--node-features '\(nodeFeatures)': '\(word)' is none of \(NodeEncoding.Part.allValueStrings.joined(separator: ", "))"
        )
      }
      guard !parts.contains(part) else {
        throw ValidationError("--node-features '\(nodeFeatures)' names \(word) twice")
      }
      parts.append(part)
    }
    return parts
  }
}

/// Chosen nodes or graphs: numbers and ranges of them, `0-9,15`.
struct ItemNumbers: ExpressibleByArgument, Sendable {
  let ranges: [ClosedRange<Int>]

  init?(argument: String) {
    var ranges: [ClosedRange<Int>] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int(trimmed($0)) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
        return nil
      }
      ranges.append(first...last)
    }
    self.ranges = ranges
  }

  /// The numbers in their order.
  ///
  /// - Parameters:
  ///   - option: the option's name, for faults.
  ///   - items: what is chosen.
  ///   - range: which there are.
  func numbers(
    _ option: String, of path: String, items: String, in range: ClosedRange<Int>
  ) throws(CommandFault) -> [Int] {
    for chosen in ranges {
      for end in [chosen.lowerBound, chosen.upperBound] where !range.contains(end) {
        throw .noItem(option: option, item: end, path: path, items: items, range: range)
      }
    }
    return ranges.flatMap(Array.init)
  }
}
