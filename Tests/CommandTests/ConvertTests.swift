import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct ConvertTests {
  @Test func keepsTensorsOfAFileOfNoNetwork() throws {
    let scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1.5, -2] as [Float], shape: [2]), at: "a.weight")
    checkpoint.set(StoredArray([7 as Int64], shape: []), at: "a.count")
    try checkpoint.write(to: scratch / "in.safetensors")
    let outcome = try BuiltTool.run(["convert", "in.safetensors", "out.h5"], in: scratch.path)
    #expect(outcome.status == 0)
    let result = try Checkpoint.read(from: scratch / "out.h5")
    #expect(CheckpointDifference(checkpoint, result).isEmpty)
    #expect(result["a.count"]?.dtype == .int64)
  }

  /// Advice that leads somewhere: which networks tensors without a name may be those of.
  @Test func saysWhichNetworksTensorsFit() throws {
    let scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    let shapes = [("fc1.weight", [4, 12]), ("fc1.bias", [4]), ("fc2.weight", [3, 4]), ("fc2.bias", [3])]
    for (path, shape) in shapes {
      checkpoint.set(StoredArray([Float](repeating: 0.5, count: shape.reduce(1, *)), shape: shape), at: path)
    }
    try checkpoint.write(to: scratch / "in.safetensors")
    #expect(Registry.standard.names(fitting: checkpoint).first == "mlp")
    #expect(Registry.standard.names(fitting: checkpoint, limit: 2).count == 2)
    let converted = try BuiltTool.run(["convert", "in.safetensors", "out.h5"], in: scratch.path)
    #expect(converted.output.contains("the tensors fit mlp"), "\(converted.output)")
    expectFault(
      try BuiltTool.run(["predict", "in.safetensors", "x.jpg"], in: scratch.path), "they fit mlp", "--architecture mlp")
    try scratch.write("a,b\n1,2\n", to: "t.csv")
    expectFault(
      try BuiltTool.run(
        ["finetune", "--from", "in.safetensors", "--data", "t.csv", "--target", "b", "--output", "run"],
        in: scratch.path),
      "its tensors fit mlp", "--architecture mlp")
    checkpoint.set(StoredArray([1] as [Float], shape: [1]), at: "scale")
    #expect(Registry.standard.names(fitting: checkpoint).isEmpty, "every tensor has to be a network's")
    try checkpoint.write(to: scratch / "in.safetensors")
    expectFault(
      try BuiltTool.run(["predict", "in.safetensors", "x.jpg"], in: scratch.path), "not named as those", "--rename")
  }

  @Test(arguments: ["out.pth", "out.npz", "out.safetensors", "out.pth.tar"]) func goesThereAndBack(output: String)
    throws
  {
    let scratch = try ScratchFolder()
    let checkpoint = try ToyFiles.checkpoint()
    try checkpoint.write(to: scratch / "in.h5")
    #expect(try BuiltTool.run(["convert", "in.h5", output], in: scratch.path).status == 0)
    #expect(try BuiltTool.run(["convert", output, "back.h5"], in: scratch.path).status == 0)
    let back = try Checkpoint.read(from: scratch / "back.h5")
    #expect(CheckpointDifference(checkpoint, back).isEmpty)
    #expect(back.paths == checkpoint.paths || !output.hasPrefix("out.pth"))
    #expect(back.metadata.classes == (output == "out.npz" ? nil : ["cat", "dog"]))
    #expect(back["bn1.num_batches_tracked"]?.dtype == .int64)
  }

  @Test func takesAForeignNetworkWithItsClasses() throws {
    let scratch = try ScratchFolder()
    var foreign = Checkpoint()
    for entry in try ToyFiles.checkpoint().entries { foreign.set(entry.array, at: "other-" + entry.path) }
    try foreign.write(to: scratch / "in.safetensors")
    let arguments = ["convert", scratch / "in.safetensors", scratch / "out.h5", "--architecture", "resnet-toy"]
    expectFault(try BuiltTool.run(arguments), "no tensor has a name of the network")
    #expect(scratch.names == ["in.safetensors"])

    let outcome = try BuiltTool.run(
      arguments + [
        "--rename", "^other-=", "--preprocessing", "torchvision", "--classes", "cat, dog", "--dtype", "f16",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try Checkpoint.read(from: scratch / "out.h5")
    #expect(result.metadata.architecture == "resnet-toy")
    #expect(result.metadata.configuration?["classes"] == .integer(2))
    #expect(result.metadata.classes == ["cat", "dog"])
    #expect(!result.metadata.headAbsent)
    #expect(result["conv1.weight"]?.dtype == .float16)
    #expect(result["bn1.running_var"]?.dtype == .float32)
    let preprocessing = try #require(try result.preprocessing())
    #expect(preprocessing == .torchvision(size: 64))
  }

  /// Trainers, compilers and classes around a network put their own name before its names.
  @Test(arguments: ["module.", "_orig_mod.", "model.net."]) func whatStandsBeforeTheNamesIsLeftOut(_ prefix: String)
    throws
  {
    let scratch = try ScratchFolder()
    let checkpoint = try ToyFiles.checkpoint()
    var foreign = Checkpoint()
    for entry in checkpoint.entries { foreign.set(entry.array, at: prefix + entry.path) }
    try foreign.write(to: scratch / "in.safetensors")
    let outcome = try BuiltTool.run(
      ["convert", "in.safetensors", "out.h5", "--architecture", "resnet-toy"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("read without the '\(prefix)' before the names"))
    let result = try Checkpoint.read(from: scratch / "out.h5")
    #expect(result.paths == checkpoint.paths && result["fc.bias"]?.floats() == checkpoint["fc.bias"]?.floats())
    // Two networks of one size, and nothing that says which.
    for entry in checkpoint.entries { foreign.set(entry.array, at: "teacher." + entry.path) }
    try foreign.write(to: scratch / "two.safetensors")
    expectFault(
      try BuiltTool.run(["convert", "two.safetensors", "two.h5", "--architecture", "resnet-toy"], in: scratch.path),
      "no tensor has a name")
  }

  /// The layers of a `Sequential` are counted with the functions between them.
  @Test func linearLayersInARowAreAnMLP() throws {
    let scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    for (name, shape) in [("0", [4, 5]), ("2", [3, 4]), ("10", [2, 3])] {
      checkpoint.set(StoredArray([Float](repeating: 1, count: shape[0] * shape[1]), shape: shape), at: name + ".weight")
      checkpoint.set(StoredArray([Float](repeating: 0, count: shape[0]), shape: [shape[0]]), at: name + ".bias")
    }
    try checkpoint.write(to: scratch / "in.pth")
    let outcome = try BuiltTool.run(["convert", "in.pth", "out.h5", "--architecture", "mlp"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try Checkpoint.read(from: scratch / "out.h5")
    #expect(result["fc3.weight"]?.shape == [2, 3])
    #expect(outcome.output.contains("10 is fc3"))
  }

  /// What would be of no effect.
  @Test(arguments: [
    (["--rename", "nothing=x"], "changes no name"), (["--set", "hidden=[4]"], "--set is about a network"),
    (["--allow-unexpected", "a"], "--allow-unexpected is about a network"), (["--allow-missing", "b"], "pattern 'b'"),
    (["--allow-overflow"], "--allow-overflow needs --dtype"),
    (["--keep-names", "--architecture", "mlp"], "--keep-names"),
  ]) func refusesWhatChangesNothing(_ options: [String], _ text: String) throws {
    let scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1] as [Float], shape: [1]), at: "a")
    try checkpoint.write(to: scratch / "in.safetensors")
    let outcome = try BuiltTool.run(["convert", "in.safetensors", "out.npz"] + options, in: scratch.path)
    #expect(outcome.status != 0 && outcome.errors.contains(text), "\(outcome.errors)")
    #expect(scratch.names == ["in.safetensors"])
  }

  @Test func changesPreprocessing() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "in.h5")
    let outcome = try BuiltTool.run(
      [
        "convert", scratch / "in.h5", scratch / "out.h5", "--channels", "bgr", "--input-size", "32x48", "--mean",
        "-1,0,1", "--std", "1,2,3",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try #require(try Checkpoint.read(from: scratch / "out.h5").preprocessing())
    #expect(result.channels == .bgr)
    #expect(result.outputSize == ImageSize(height: 32, width: 48))
    #expect(result.mean == [-1, 0, 1])
    #expect(result.standardDeviation == [1, 2, 3])
  }

  @Test(arguments: [
    (["--classes", "a,b,c"], "3 class names for a head of 2"),
    (["--mean", "1,2"], "mean has 2 values"),
    (["--allow-missing", "nothing.**"], "nothing.**"),
    (["--architecture", "squeezenet-toy"], "no tensor has a name"),
  ]) func refuses(_ options: [String], _ text: String) throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "in.h5")
    expectFault(try BuiltTool.run(["convert", scratch / "in.h5", scratch / "out.h5"] + options), text)
    #expect(scratch.names == ["in.h5"])
  }

  @Test func writesNothingByHalves() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "in.h5")
    let input = scratch / "in.h5"
    expectFault(try BuiltTool.run(["convert", input, scratch / "no/out.h5"]), "no/out.h5")
    expectFault(try BuiltTool.run(["convert", input, scratch / "out.tflite"]), "out.tflite", ".safetensors")
    expectFault(
      try BuiltTool.run(["convert", input, scratch / "out.weights.h5"]), "out.weights.h5", "not for a resnet-toy")
    try FileManager.default.createDirectory(atPath: scratch / "folder.h5", withIntermediateDirectories: false)
    expectFault(try BuiltTool.run(["convert", input, scratch / "folder.h5"]), "folder.h5")
    #expect(scratch.names == ["folder.h5", "in.h5"])
  }

  @Test func convertsAFileOntoItself() throws {
    let scratch = try ScratchFolder()
    let checkpoint = try ToyFiles.checkpoint()
    try checkpoint.write(to: scratch / "a.h5")
    #expect(try BuiltTool.run(["convert", scratch / "a.h5", scratch / "a.h5"]).status == 0)
    #expect(CheckpointDifference(checkpoint, try Checkpoint.read(from: scratch / "a.h5")).isEmpty)
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func convertsTheKerasSqueezeNet() throws {
    let file = try #require(SharedData.url("keras-h5/squeezenet1_1_imagenet_notop_tf.h5")).path
    let scratch = try ScratchFolder()
    let outcome = try BuiltTool.run(
      ["convert", file, "squeezenet.h5", "--architecture", "squeezenet1_1", "--preprocessing", "caffe"],
      in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("the classifier head is absent"))
    let result = try Checkpoint.read(from: scratch / "squeezenet.h5")
    #expect(result.metadata.headAbsent)
    #expect(result.metadata.configuration?["poolRounding"] == .text("down"))
    #expect(result.entries.reduce(0) { $0 + $1.array.count } == 722_496)
    #expect(try result.preprocessing() == .caffe(size: 227))
  }
}
