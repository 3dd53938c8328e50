import AviaryTestSupport
import Foundation
import Testing

/// The help is part of the product: it is what `tools/goldens_help` wrote, word for word.
@Suite struct HelpTests {
  /// Those that the tool's own help lists.
  static let commands: [String] = {
    let lines = ((try? golden("help.txt")) ?? "").split(separator: "\n")
    return lines.drop { $0 != "SUBCOMMANDS:" }.compactMap { line in
      line.wholeMatch(of: #/  ([a-z-]+)(?: .*)?/#).map { String($0.output.1) }
    }
  }()

  @Test func commandsAreFound() { #expect(Self.commands.count > 20 && Self.commands.contains("sample-images")) }

  static func golden(_ name: String) throws -> String {
    try String(
      contentsOf: PackageRoot.url.appendingPathComponent("Tests/CommandTests/Goldens/\(name)"), encoding: .utf8)
  }

  @Test func toolHasItsHelp() throws {
    let outcome = try BuiltTool.run(["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output == (try Self.golden("help.txt")))
  }

  @Test func benchHasItsHelp() throws {
    #expect(try BuiltTool.bench(["--help"]).output == (try Self.golden("help-bench.txt")))
    #expect(try BuiltTool.bench(["run", "--help"]).output == (try Self.golden("help-bench-run.txt")))
    #expect(try BuiltTool.bench(["tune", "--help"]).output == (try Self.golden("help-bench-tune.txt")))
    #expect(try BuiltTool.bench(["growth", "--help"]).output == (try Self.golden("help-bench-growth.txt")))
  }

  @Test(arguments: commands) func commandHasItsHelp(_ command: String) throws {
    let outcome = try BuiltTool.run([command, "--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output == (try Self.golden("help-\(command).txt")))
  }
}

/// Wrong usage is exit code 64, and nothing is done.
@Suite struct UsageTests {
  @Test(arguments: [
    ["nonsense"], ["predict"], ["predict", "a.h5"], ["predict", "a.h5", "b.jpg", "--top", "0"],
    ["predict", "a.h5", "b.jpg", "--top", "-3"], ["predict", "a.h5", "b.jpg", "--top", "many"],
    ["predict", "a.h5", "b.jpg", "--channels", "red"], ["predict", "a.h5", "b.jpg", "--input-size", "2x3x4"],
    ["predict", "a.h5", "b.jpg", "--mean", "1,,2"], ["diff", "a.h5"], ["verify"], ["convert", "a.h5"],
    ["quantize", "a.h5"], ["quantize", "a.h5", "--data", "d"],
    ["quantize", "a.h5", "--data", "d", "--output", "b.h5", "--calibration", "0"], ["average", "a.h5", "b.h5"],
    ["average", "a.h5", "--output", "c.h5"],
    ["convert", "a.h5", "b.h5", "--dtype", "f64"], ["train"], ["train", "resnet-toy"],
    ["train", "resnet-toy", "--data", "d"], ["train", "resnet-toy", "--output", "o"], ["finetune", "--data", "d"],
    ["finetune", "--resume", "r", "--batch-size", "3"], ["train", "resnet-toy", "--resume", "r"],
    ["train", "resnet-toy", "--data", "d", "--output", "o", "--seed", "-1"],
    ["train", "resnet-toy", "--data", "d", "--output", "o", "--optimizer", "magic"],
    ["train", "sequence-gru", "--data", "t.csv", "--target", "y", "--output", "o", "--window", "many"],
    ["features", "a.h5", "--data", "d"], ["show", "d"], ["show", "d", "--output", "a.gif"],
    ["show", "d", "--output", "a.png", "--count", "0"], ["show", "d", "--output", "a.png", "--photo", "p.jpg"],
    ["show", "a.h5", "--output", "a.png", "--filters", "c", "--graph"],
    ["show", "a.h5", "--output", "a.png", "--embed"],
    ["show", "a.h5", "--output", "a.png", "--maximize", "c"], ["describe"], ["sample-images"],
    ["sample-images", "d", "--count", "x"],
  ]) func wrongUsageIs64(_ arguments: [String]) throws {
    let scratch = try ScratchFolder()
    let outcome = try BuiltTool.run(arguments, in: scratch.path)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: aviary") || outcome.errors.contains("USAGE: aviary"))
    #expect(scratch.names.isEmpty)
  }

  @Test(arguments: [
    ["nonsense"], ["mlp-train", "--steps", "0"], ["tune", "--batches", "1,x"], ["tune", "--batches", "0"],
    ["tune", "--threads", "0"],
  ]) func wrongUsageOfBenchIs64(_ arguments: [String]) throws {
    let outcome = try BuiltTool.bench(arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: aviary-bench"), "\(outcome.errors)")
  }
}
