import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct ModelsCommandTests {
  @Test func listsTheZoo() throws {
    let outcome = try BuiltTool.run(["models"])
    #expect(outcome.status == 0)
    #expect(outcome.lines.count == Zoo.architectures.count + 1)
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
    let listed = try BuiltTool.run(["models", "--weights", scratch.path])
    #expect(listed.lines.contains { $0.hasPrefix("resnet-toy ") && $0.hasSuffix("toy-pets") })
    let variable = try BuiltTool.run(["models"], environment: ["AVIARY_WEIGHTS": scratch.path])
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
    #expect(text.output.contains("conv1.weight"))
    #expect(text.output.contains("architecture: resnet-toy"))
  }

  @Test func refusesWhatIsNone() throws {
    let scratch = try ScratchFolder()
    expectFault(try BuiltTool.run(["inspect", scratch / "none.h5"]), "none.h5: no such file")
    expectFault(try BuiltTool.run(["inspect", scratch.path]), "not a regular file")
    expectFault(try BuiltTool.run(["inspect", scratch.write("words", to: "a.pth")]), "a.pth: not a checkpoint")
    expectFault(try BuiltTool.run(["inspect", scratch.write("", to: "empty.h5")]), "empty.h5: truncated")
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
