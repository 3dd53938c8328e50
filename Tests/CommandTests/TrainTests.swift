import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct TrainTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "pets")
    try ToyFiles.headless().write(to: scratch / "headless.h5")
  }

  @Test func finetunesAndSaysWhatCameOfIt() throws {
    let outcome = try BuiltTool.run(
      [
        "finetune", "--from", "headless.h5", "--data", "pets", "--output", "run", "--freeze", "backbone", "--epochs",
        "2", "--json",
      ], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let summary = try outcome.json()
    #expect(summary["architecture"] as? String == "squeezenet-toy")
    #expect(summary["classes"] as? [String] == ["cat", "dog"])
    #expect(summary["epochs"] as? Int == 2)
    #expect(summary["trainable"] as? Int == 130)
    #expect(summary["test_accuracy"] is Double)
    #expect(outcome.errors.contains("image folder with the parts train, test"))
    for name in ["best.h5", "last.h5", "history.csv", "summary.json"] {
      #expect(FileManager.default.fileExists(atPath: scratch / "run/\(name)"))
    }
    #expect(try BuiltTool.run(["evaluate", "run/best.h5", "--data", "pets"], in: scratch.path).status == 0)
    expectFault(
      try BuiltTool.run(["finetune", "--from", "headless.h5", "--data", "pets", "--output", "run"], in: scratch.path),
      "holds a training run already", "--resume run")
  }

  @Test func keepsTheDefaultsOfTheContract() throws {
    func options(_ arguments: [String]) throws -> TrainingOptions {
      let outcome = try BuiltTool.run(
        arguments + ["--data", "pets", "--output", "run", "--epochs", "1", "--threads", "1"], in: scratch.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let data = try Data(contentsOf: URL(fileURLWithPath: scratch / "run/options.json"))
      try FileManager.default.removeItem(atPath: scratch / "run")
      return try JSONDecoder().decode(TrainingOptions.self, from: data)
    }
    let trained = try options(["train", "resnet-toy", "--image-size", "32"])
    #expect(trained.optimizer == OptimizerConfiguration(.adamw, learningRate: 1e-3, weightDecay: 0.01))
    #expect(trained.schedule == .cosine())
    #expect(trained.images.augmentation == .standard)
    #expect(trained.batchSize == 32 && trained.seed == 0 && trained.images.imageSize == 32 && trained.validation == nil)
    #expect(trained.data == scratch / "pets")
    #expect(try options(["finetune", "--from", "headless.h5"]).optimizer.learningRate == 1e-4)
    let frozen = try options(["finetune", "--from", "headless.h5", "--freeze", "backbone", "--optimizer", "momentum"])
    #expect(frozen.optimizer == OptimizerConfiguration(.momentum, learningRate: 1e-3, weightDecay: 0))
    #expect(frozen.schedule == .constant)
    #expect(frozen.images.augmentation == nil && frozen.images.usesFeatureCache && frozen.freezesBackbone)
    let partly = try options(
      ["finetune", "--from", "headless.h5", "--freeze", "features.0,features.3", "--validation", "0.25"])
    #expect(partly.freeze == ["features.0", "features.3"])
    #expect(partly.validation == .fraction(0.25))
    #expect(partly.images.augmentation == .standard)
  }

  @Test func aFrozenNewHeadIsSaidAndNothingToTrainIsRefused() throws {
    func outcome(_ options: String...) throws -> BuiltTool.Outcome {
      try? FileManager.default.removeItem(atPath: scratch / "run")
      return try BuiltTool.run(
        ["finetune", "--from", "headless.h5", "--data", "pets", "--output", "run", "--epochs", "1", "--json"] + options,
        in: scratch.path)
    }
    for frozen in ["head", "classifier", "features.12..head"] {
      let frozenHead = try outcome("--freeze", frozen)
      let resumed = try BuiltTool.run(["finetune", "--resume", "run", "--epochs", "2"], in: scratch.path)
      #expect(resumed.errors.contains("the head classifier is frozen"), "\(resumed.errors)")
      #expect(
        frozenHead.status == 0 && frozenHead.errors.contains("the new head classifier is frozen"),
        "\(frozenHead.errors)")
    }
    let trained = try outcome("--train", "head")
    #expect(trained.status == 0 && !trained.errors.contains("frozen"), "\(trained.errors)")
    #expect(try trained.json()["trainable"] as? Int == 130)
    let options = try JSONDecoder().decode(
      TrainingOptions.self, from: Data(contentsOf: URL(fileURLWithPath: scratch / "run/options.json")))
    #expect(options.trainOnly == ["head"] && options.freezesBackbone && options.images.augmentation == nil)
    let again = try BuiltTool.run(["finetune", "--resume", "run", "--json"], in: scratch.path)
    #expect(try again.json()["trainable"] as? Int == 130)
    let last = try outcome("--train", "features.12,head")
    #expect(try #require(try last.json()["trainable"] as? Int) > 130)
    expectFault(try outcome("--freeze", "backbone,head"), "--freeze backbone,head", "nothing is left to train")
    expectFault(try outcome("--freeze", "**"), "--freeze **", "nothing is left to train")
    expectFault(try outcome("--freeze", "featuers"), "--freeze: 'featuers' matches no layer; did you mean 'features'?")
    expectFault(try outcome("--train", "haed"), "--train: 'haed' matches no layer; did you mean 'head'?")
    expectFault(try outcome("--freeze", "head..features.0"), "--freeze: 'head..features.0' runs backwards")
  }

  @Test func frozenRandomLayersAreSaid() throws {
    let outcome = try BuiltTool.run(
      [
        "train", "resnet-toy", "--data", "pets", "--output", "run", "--epochs", "1", "--image-size", "32", "--freeze",
        "conv1..layer1",
      ], in: scratch.path)
    #expect(outcome.status == 0 && outcome.errors.contains("frozen with the random values"), "\(outcome.errors)")
  }

  @Test func interruptedRunSaysHowToGoOnAndDoes() throws {
    let arguments = [
      "train", "squeezenet-toy", "--data", "pets", "--output", "run", "--epochs", "4000", "--batch-size", "8",
      "--augment", "none", "--image-size", "32",
    ]
    let stopped = try BuiltTool.run(arguments, in: scratch.path) { process in
      let history = scratch / "run/history.csv"
      for _ in 0..<6000 where process.isRunning && !FileManager.default.fileExists(atPath: history) { usleep(10_000) }
      process.interrupt()
    }
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(stopped.errors.contains("aviary train --resume run"))
    #expect(stopped.output.isEmpty)
    let resumed = try BuiltTool.run(["train", "--resume", "run"], in: scratch.path) { process in
      usleep(1_500_000)
      process.interrupt()
    }
    #expect(resumed.status == 130, "\(resumed.errors)")
    expectFault(try BuiltTool.run(["train", "--resume", "pets"], in: scratch.path), "is not a training run")
  }

  @Test(arguments: [
    (["train", "resnet-toy", "--image-size", "4"], "at least"),
    (["train", "resnet-toy", "--validation", "nowhere"], "nowhere"),
    (["train", "resnet-toy", "--freeze", "nothing"], "nothing"),
    (["finetune", "--from", "none.h5"], "none.h5: no such file"),
    (["finetune", "--from", "pets"], "not a regular file"),
  ]) func refuses(_ arguments: [String], _ text: String) throws {
    let outcome = try BuiltTool.run(arguments + ["--data", "pets", "--output", "run"], in: scratch.path)
    expectFault(outcome, text)
    #expect(!scratch.names.contains("run"))
  }

  @Test func refusesFoldersThatCannotBeLearntFrom() throws {
    func outcome(_ data: String) throws -> BuiltTool.Outcome {
      try BuiltTool.run(["train", "resnet-toy", "--data", data, "--output", "run"], in: scratch.path)
    }
    try FileManager.default.createDirectory(atPath: scratch / "empty", withIntermediateDirectories: false)
    expectFault(try outcome("empty"), "no class folders")
    try FileManager.default.createDirectory(atPath: scratch / "one/cat", withIntermediateDirectories: true)
    expectFault(try outcome("one"), "only one class ('cat')")
    try FileManager.default.createDirectory(atPath: scratch / "one/dog", withIntermediateDirectories: true)
    expectFault(try outcome("one"), "no images")
    expectFault(try outcome("headless.h5"), "headless.h5")
    expectFault(try outcome("none"), "none")
    #expect(!scratch.names.contains("run"))
  }

  @Test func asksForAnExplainedSource() throws {
    try ToyFiles.checkpoint(preprocessing: nil).write(to: scratch / "plain.h5")
    let rest = ["--data", "pets", "--output", "run"]
    expectFault(
      try BuiltTool.run(["finetune", "--from", "plain.h5"] + rest, in: scratch.path), "aviary convert plain.h5",
      "--preprocessing")
    var unnamed = Checkpoint()
    unnamed.set(StoredArray([1 as Float], shape: [1]), at: "a")
    try unnamed.write(to: scratch / "unnamed.h5")
    expectFault(
      try BuiltTool.run(["finetune", "--from", "unnamed.h5"] + rest, in: scratch.path), "--architecture NAME")
  }
}

@Suite struct SampleImagesCommandTests {
  @Test func drawsAndRefuses() throws {
    let scratch = try ScratchFolder()
    let outcome = try BuiltTool.run(
      ["sample-images", "pets", "--count", "20", "--size", "32", "--json"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.json()
    #expect(object["training_images"] as? Int == 16)
    #expect(object["test_images"] as? Int == 4)
    #expect(try ImageDataset(scratch / "pets").training.counts == [8, 8])
    expectFault(try BuiltTool.run(["sample-images", "pets"], in: scratch.path), "not empty")
    expectFault(try BuiltTool.run(["sample-images", "few", "--count", "-5"], in: scratch.path), "-5 images")
    expectFault(try BuiltTool.run(["sample-images", "/proc/none"], in: scratch.path), "/proc/none")
    #expect(scratch.names == ["pets"])
  }
}
