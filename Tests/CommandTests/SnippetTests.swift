import Foundation
import Testing

/// The programs of Snippets, which check themselves.
@Suite struct SnippetTests {
  /// Registers a network of its own, trains it on arrays, is interrupted, and goes on to the same weights bit for bit.
  @Test func aNetworkOfOnesOwnIsTrainedAndResumed() throws {
    let outcome = try BuiltTool.snippet("OwnNetwork")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.last?.hasPrefix("spiral: test accuracy") == true)
  }

  @Test func itsCommandsKnowTheNetwork() throws {
    let list = try BuiltTool.snippet("OwnNetwork", ["models"])
    #expect(list.status == 0 && list.lines.contains { $0.hasPrefix("spiral") } && list.output.contains("resnet18"))
    let tree = try BuiltTool.snippet("OwnNetwork", ["models", "spiral"])
    #expect(tree.status == 0 && tree.output.contains("fc1.weight"))
    #expect(try BuiltTool.run(["models", "spiral"]).status == 1, "nobody else's do")
  }
}
