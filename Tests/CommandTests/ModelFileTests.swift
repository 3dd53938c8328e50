import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct ModelsCommandTests {
  @Test func listsTheZoo() throws {
    let outcome = try BuiltTool.run(["models", "--all"])
    #expect(outcome.status == 0)
    #expect(outcome.lines.count == Registry.zoo.architectures.count + 1)
    #expect(outcome.lines[0].hasPrefix("name "))
    #expect(
      outcome.lines.contains { $0.hasPrefix("resnet18 ") && $0.contains("11,689,512") && $0.contains("3x224x224") })
    #expect(outcome.lines.contains { $0.hasPrefix("squeezenet1_1 ") && $0.contains("1,235,496") })
  }

  @Test func printsATree() throws {
    let outcome = try BuiltTool.run(["models", "resnet-toy"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("layer1: Sequential"))
    #expect(outcome.output.contains("38,333 parameters"))
  }

  @Test func namesShippedWeights() throws {
    let scratch = try ScratchFolder()
    try scratch.write(
      #"{"weights": [{"name": "toy-pets", "file": "toy.h5", "architecture": "resnet-toy"}]}"#, to: "manifest.json")
    let listed = try BuiltTool.run(["models", "--all", "--weights", scratch.path])
    #expect(listed.lines.contains { $0.hasPrefix("resnet-toy ") && $0.hasSuffix("toy-pets") })
    let variable = try BuiltTool.run(["models", "--all"], environment: ["AVIARY_WEIGHTS": scratch.path])
    #expect(variable.output == listed.output)
    expectFault(try BuiltTool.run(["models", "--weights", scratch / "nowhere"]), "nowhere", "manifest.json")
  }

  @Test func namesWhatThereIs() throws {
    expectFault(try BuiltTool.run(["models", "resnet19"]), "resnet19", "resnet18", "squeezenet1_1")
  }
}

@Suite struct InspectTests {
  @Test func listsTensorsAndMetadata() throws {
    let scratch = try ScratchFolder()
    let checkpoint = try ToyFiles.checkpoint()
    try checkpoint.write(to: scratch / "toy.h5")
    let object = try BuiltTool.run(["inspect", scratch / "toy.h5", "--json"]).json()
    #expect(object["format"] as? String == "Aviary HDF5")
    let tensors = try #require(object["tensors"] as? [[String: Any]])
    #expect(tensors.compactMap { $0["path"] as? String } == checkpoint.paths)
    #expect(tensors[0]["shape"] as? [Int] == [8, 3, 7, 7])
    #expect(tensors[0]["dtype"] as? String == "float32")
    #expect(tensors[0]["bytes"] as? Int == 4 * 8 * 3 * 49)
    let metadata = try #require(object["metadata"] as? [String: Any])
    #expect(metadata["architecture"] as? String == "resnet-toy")
    #expect(metadata["classes"] as? [String] == ["cat", "dog"])
    #expect((metadata["preprocessing"] as? [String: Any])?["channels"] as? String == "rgb")
    let text = try BuiltTool.run(["inspect", scratch / "toy.h5"])
    #expect(text.output.contains("architecture: resnet-toy"))
    // A layer with one tensor is one line, another a line with the sums of those below it.
    let lines = text.lines.map { $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ") }
    #expect(lines.contains("conv1.weight [8, 3, 7, 7] float32 1,176 4,704"))
    let place = try #require(lines.firstIndex(of: "bn1 33 136"))
    #expect(text.lines[place + 1].hasPrefix("  weight "))
  }

  @Test func describesOneTensor() throws {
    let scratch = try ScratchFolder()
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1, -1, 0, .nan] as [Float], shape: [2, 2]), at: "layer.weight")
    try checkpoint.write(to: scratch / "a.pth")
    let arguments = ["inspect", scratch / "a.pth", "--tensor", "layer.weight"]
    let object = try BuiltTool.run(arguments + ["--json"]).json()
    #expect(object["shape"] as? [Int] == [2, 2])
    let statistics = try #require(object["statistics"] as? [String: Any])
    #expect(statistics["mean"] as? Double == 0)
    #expect(statistics["nan"] as? Int == 1)
    #expect(statistics["zeros"] as? Int == 1)
    #expect(
      (statistics["histogram"] as? [String: Any])?["counts"] as? [Int] == [1] + [Int](repeating: 0, count: 7) + [1]
        + [Int](repeating: 0, count: 6) + [1])
    let text = try BuiltTool.run(arguments)
    #expect(text.lines.contains("NaN: 1"))
    #expect(text.lines.contains { $0.hasPrefix("  from ") && $0.hasSuffix("1  " + String(repeating: "#", count: 40)) })
    expectFault(
      try BuiltTool.run(["inspect", scratch / "a.pth", "--tensor", "layer.weigth"]), "did you mean 'layer.weight'?")
  }

  @Test func refusesWhatIsNone() throws {
    let scratch = try ScratchFolder()
    expectFault(try BuiltTool.run(["inspect", scratch / "none.h5"]), "none.h5: no such file")
    expectFault(try BuiltTool.run(["inspect", scratch.path]), "not a regular file")
    expectFault(try BuiltTool.run(["inspect", scratch.write("words", to: "a.pth")]), "a.pth: not a checkpoint")
    expectFault(try BuiltTool.run(["inspect", scratch.write("", to: "empty.h5")]), "empty.h5: the file is empty")
  }
}

@Suite struct VerifyTests {
  @Test func findsOneWrongBit() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "good.h5")
    let good = try BuiltTool.run(["verify", scratch / "good.h5"])
    #expect(good.status == 0)
    #expect(good.output.contains("checksums match, fits resnet-toy"))

    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch / "good.h5"))
    // The largest tensor's own bytes, somewhere in the middle.
    let array = try #require(try ToyFiles.checkpoint()["layer4.0.conv2.weight"])
    let needle = Data((array.floats() ?? []).prefix(16).flatMap { withUnsafeBytes(of: $0.bitPattern) { Array($0) } })
    let place = try #require(bytes.range(of: needle))
    bytes[place.lowerBound + 5] ^= 4
    try bytes.write(to: URL(fileURLWithPath: scratch / "bad.h5"))
    let both = try BuiltTool.run(["verify", scratch / "bad.h5", scratch / "good.h5"])
    expectFault(both, "bad.h5", "layer4.0.conv2.weight", "CRC-32C")
    #expect(both.output.contains("good.h5: ok"))
  }

  @Test func findsOneWrongBitOfAnArchive() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "good.pth")
    let good = try BuiltTool.run(["verify", scratch / "good.pth"])
    #expect(good.status == 0)
    #expect(good.output.contains("CRC-32 of every member matches"))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch / "good.pth"))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: scratch / "bad.pth"))
    expectFault(try BuiltTool.run(["verify", scratch / "bad.pth"]), "bad.pth", "checksum of 'archive/")
    expectFault(try BuiltTool.run(["inspect", scratch / "bad.pth"]), "bad.pth", "checksum of 'archive/")
    #expect(try BuiltTool.run(["inspect", scratch / "bad.pth", "--no-verify"]).status == 0)
    let trusted = try BuiltTool.run(["convert", "bad.pth", "out.h5", "--no-verify"], in: scratch.path)
    #expect(trusted.status == 0)
    #expect(try BuiltTool.run(["diff", "bad.pth", "good.pth"], in: scratch.path).status == 2)
    #expect(try BuiltTool.run(["diff", "bad.pth", "good.pth", "--no-verify"], in: scratch.path).status == 1)
  }

  @Test func refusesEveryTruncation() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.checkpoint("squeezenet-toy").write(to: scratch / "good.h5")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch / "good.h5"))
    var files: [String] = []
    for part in 1..<8 {
      let file = scratch / "cut\(part).h5"
      try bytes.prefix(bytes.count * part / 8).write(to: URL(fileURLWithPath: file))
      files.append(file)
    }
    let outcome = try BuiltTool.run(["verify"] + files)
    #expect(outcome.status == 1)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == files.count)
    for (line, file) in zip(lines, files) { #expect(line.hasPrefix("error: \(file)")) }
  }

  @Test func saysThatATensorDoesNotFit() throws {
    let scratch = try ScratchFolder()
    var checkpoint = try ToyFiles.checkpoint()
    checkpoint.set(StoredArray([Float](repeating: 0, count: 6), shape: [6]), at: "bn1.weight")
    try checkpoint.write(to: scratch / "odd.h5")
    expectFault(try BuiltTool.run(["verify", scratch / "odd.h5"]), "odd.h5", "bn1.weight", "[6]")
  }
}

@Suite struct DiffTests {
  @Test func tellsSameOtherAndUnknown() throws {
    let scratch = try ScratchFolder()
    let first = try ToyFiles.checkpoint()
    var second = first
    second.set(StoredArray([Float](repeating: 2, count: 8), shape: [8]), at: "bn1.weight")
    second.set(StoredArray([1 as Float], shape: [1]), at: "extra")
    try first.write(to: scratch / "a.h5")
    try first.write(to: scratch / "same.safetensors")
    try second.write(to: scratch / "b.h5")

    let same = try BuiltTool.run(["diff", "a.h5", "same.safetensors"], in: scratch.path)
    #expect(same.status == 0)
    #expect(same.output == "no difference\n")
    let other = try BuiltTool.run(["diff", "a.h5", "b.h5"], in: scratch.path)
    #expect(other.status == 1)
    #expect(other.output.contains("only in b.h5: extra"))
    #expect(other.output.contains("bn1.weight: largest absolute difference 1.0"))
    let unknown = try BuiltTool.run(["diff", "a.h5", "none.h5"], in: scratch.path)
    #expect(unknown.status == 2)
    #expect(unknown.errors == "error: none.h5: no such file\n")
  }
}

@Suite struct AverageCommandTests {
  @Test func averagesFilesOfAnyKind() throws {
    let scratch = try ScratchFolder()
    let first = try ToyFiles.checkpoint()
    var second = first
    second.set(StoredArray([Float](repeating: 3, count: 8), shape: [8]), at: "bn1.weight")
    try first.write(to: scratch / "a.h5")
    try second.write(to: scratch / "b.pth")
    let outcome = try BuiltTool.run(["average", "a.h5", "b.pth", "--output", "mean.h5"], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("of integers copied from a.h5"))
    let mean = try Checkpoint.read(from: scratch / "mean.h5")
    #expect(mean["bn1.weight"]?.floats() == [Float](repeating: 2, count: 8))
    #expect(mean.paths == first.paths)
    #expect(mean.metadata.classes == ["cat", "dog"])
    #expect(try BuiltTool.run(["evaluate", "mean.h5", "--data", "none"], in: scratch.path).errors.contains("none"))
  }

  @Test func namesWhatDiffers() throws {
    let scratch = try ScratchFolder()
    let first = try ToyFiles.checkpoint()
    try first.write(to: scratch / "a.h5")
    try ToyFiles.checkpoint("squeezenet-toy").write(to: scratch / "b.h5")
    expectFault(
      try BuiltTool.run(["average", "a.h5", "b.h5", "--output", "mean.h5"], in: scratch.path),
      "b.h5: cannot be averaged with a.h5", "its architecture is 'squeezenet-toy', not 'resnet-toy'")
    expectFault(
      try BuiltTool.run(["average", "a.h5", "a.h5", "--output", "mean.bin"], in: scratch.path), "mean.bin", ".npz")
    #expect(try BuiltTool.run(["average", "a.h5", "--output", "mean.h5"], in: scratch.path).status == 64)
    #expect(scratch.names == ["a.h5", "b.h5"])
  }
}
