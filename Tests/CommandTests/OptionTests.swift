import Aviary
import Foundation
import Testing

/// What is typed wrongly is told before any data are read, with the option's own name and exit code 64.
struct OptionTests {
  @Test(arguments: [
    ["--epochs", "0"], ["--batch-size", "-1"], ["--learning-rate", "nan"], ["--lr", "-1"], ["--weight-decay", "inf"],
    ["--validation", "1.5"], ["--sequence-length", "0"], ["--clip-norm", "0"], ["--patience", "0"],
    ["--weight-average", "1"], ["--layer-decay", "2"], ["--image-size", "0"], ["--crop-scale", "0"],
    ["--label-smoothing", "3"], ["--mixup", "-1"], ["--degree", "99"], ["--window", "0"], ["--set", "dropout"],
    ["--workers", "0"], ["--threads", "x"], ["--freeze", ""], ["--freeze", "fc,"], ["--freeze", "none,fc"],
    ["--freeze", "fc.."], ["--freeze", "conv*"], ["--train", "none"], ["--train", "a...b"], ["--train", ""],
    ["--train", "head", "--freeze", "backbone"], ["--monitor", "los"], ["--min-delta", "-1"], ["--min-delta", "nan"],
    ["--min-delta", "inf"], ["--betas", "0.9"], ["--epsilon", "0"], ["--rho", "1"], ["--gamma", "2"],
    ["--milestones", "3,2"], ["--plateau-factor", "1"], ["--accumulate", "0"], ["--l1", "nan"],
    ["--initializer", "he"],
    ["--dropblock", "1"], ["--dropblock-layers", "layer4"], ["--crop-ratio", "2"], ["--samplewise", "mean"],
    ["--augment", "standard,fill=mirror"], ["--date-format", "%d"], ["--dates", "a,"], ["--bins", "1"],
    ["--bin-columns", "a"], ["--text-augment", "swap=2"], ["--text-augment", "insert=0.1"], ["--synonyms", "f"],
  ]) func namesTheOption(option: [String]) throws {
    let outcome = try BuiltTool.run(["train", "mlp", "--data", "/nowhere", "--output", "/nowhere/run"] + option)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains(option[0] == "--lr" ? "--learning-rate" : option[0]), "\(outcome.errors)")
  }

  @Test(arguments: [
    (["predikt"], "did you mean 'predict'?"), (["predict", "--tpo"], "unknown option '--tpo'; did you mean '--top'?"),
    (["train", "resnet19", "--data", "d", "--output", "r"], "did you mean 'resnet18'?"),
    (["convert", "a.pth", "b.h5", "--rename", "(x=y"], "not a regular expression"),
    (["convert", "a.pth", "b.h5", "--rename", "no sign"], "REGEX=REPLACEMENT"),
    (["convert", "a.pth", "b.h5", "--std", "0,1,1"], "--std 0.0 is out of range"),
    (["convert", "a.pth", "b.h5", "--std", "1,-2,-3"], "--std -2.0 is out of range"),
    (["verify", "--json", "--tpo"], "unknown option '--tpo'"),
    (["convert", "a", "b", "--keep-names", "--jsn"], "did you mean '--json'?"),
    (["convert", "a.pth", "b.h5", "--input-size", "0x5"], "--input-size 0 is out of range"),
    (["convert", "a.pth", "b.h5", "--architecture", "alexnett"], "did you mean 'alexnet'?"),
  ]) func suggests(arguments: [String], hint: String) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains(hint), "\(outcome.errors)")
  }

  @Test func printsItsVersion() throws {
    let outcome = try BuiltTool.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.output.first?.isNumber == true)
  }

  /// A full disk takes what is printed, and the command says so.
  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")),
    arguments: [
      "aviary models", "aviary --help", "aviary verify file.h5", "aviary inspect file.h5 --json",
      "aviary diff file.h5 file.h5",
    ]) func outputThatCannotBeWrittenIsAFailure(command: String) throws
  {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "file.h5")
    let line = command.replacing("aviary", with: "'\(BuiltTool.path)'", maxReplacements: 1)
    for target in ["/dev/full", "&-"] {
      let outcome = try BuiltTool.run(["-c", "\(line) >\(target)"], of: "/bin/sh", in: scratch.path)
      #expect(outcome.status == 1, "\(target): \(outcome.errors)")
      #expect(outcome.errors.contains("standard output"), "\(outcome.errors)")
    }
  }

  @Test func aRunStandsForItsBestWeights() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(atPath: scratch / "run", withIntermediateDirectories: false)
    try ToyFiles.checkpoint().write(to: scratch / "run/best.h5")
    let verified = try BuiltTool.run(["verify", scratch / "run", "--json"])
    let files = try #require(try verified.json()["files"] as? [[String: Any]])
    #expect(verified.status == 0)
    #expect(files.first?["ok"] as? Bool == true)
    let compared = try BuiltTool.run(["diff", scratch / "run", scratch / "run/best.h5", "--json"])
    #expect(try compared.json()["same"] as? Bool == true)
    #expect(try BuiltTool.run(["inspect", scratch / "run"]).output.contains("resnet-toy"))
  }

  @Test func quietRunsPrintResultsOnly() throws {
    let scratch = try ScratchFolder()
    let rows = (0..<40).map { "\($0),\($0 % 7),\($0 % 2 == 0 ? "even" : "odd")" }
    try scratch.write("a,b,parity\n" + rows.joined(separator: "\n"), to: "table.csv")
    let run = [
      "train", "mlp", "--data", "table.csv", "--target", "parity", "--set", "hidden=[8]", "--epochs", "1", "--output",
    ]
    let quiet = try BuiltTool.run(run + ["quiet", "--quiet"], in: scratch.path)
    #expect(quiet.status == 0, "\(quiet.errors)")
    #expect(quiet.errors == "")
    #expect(quiet.output.contains("test accuracy"))
    #expect(try BuiltTool.run(run + ["loud"], in: scratch.path).errors.contains("epoch 1/1"))
  }

  @Test func modelsListSettingsAndHideToys() throws {
    let listed = try BuiltTool.run(["models"])
    #expect(!listed.output.contains("-toy"))
    #expect(try BuiltTool.run(["models", "--all"]).output.contains("resnet-toy"))
    #expect(try BuiltTool.run(["models", "mlp"]).output.contains("  hidden=[256,128]"))
    let object = try BuiltTool.run(["models", "mlp", "--json"]).json()
    let model = try #require((object["models"] as? [[String: Any]])?.first)
    #expect((model["settings"] as? [String: Any])?["hidden"] as? [Int] == [256, 128])
  }
}
