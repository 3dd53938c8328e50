import Aviary
import Foundation
import Testing

/// Pictures that `aviary show` writes, in structure: sizes and texts, not the pixels of letters.
@Suite struct ShowTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
  }

  private func svg(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let path = scratch / "picture.svg"
    let outcome = try BuiltTool.run(["show"] + arguments + ["--output", path])
    #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.output.hasPrefix(path + ": "), sourceLocation: sourceLocation)
    return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }

  @Test func samplesOfEachClassAreShown() throws {
    // Names in any script, and what is no picture beside them.
    for (old, new) in [("cat", "猫 <b>&"), ("dog", "كلب🐕")] {
      for part in ["train", "test"] {
        try FileManager.default.moveItem(
          atPath: scratch / "pets/\(part)/\(old)", toPath: scratch / "pets/\(part)/\(new)")
      }
    }
    try scratch.write("not an image", to: "pets/train/猫 <b>&/0.jpg")
    let path = scratch / "sheet.svg"
    let outcome = try BuiltTool.run(["show", scratch / "pets", "--count", "20", "--output", path, "--json"])
    #expect(outcome.status == 0 && outcome.errors.contains("0.jpg: not an image"), "\(outcome.errors)")
    let object = try outcome.json()
    #expect(object["images"] as? Int == 16 && (object["skipped"] as? [String])?.count == 1)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("猫 &lt;b&gt;&amp;") && text.contains("كلب🐕") && !text.contains("<b>"))
    #expect(text.components(separatedBy: "<image ").count == 17)
  }

  @Test func trainingIsShownStepByStep() throws {
    let text = try svg(
      [scratch / "pets", "--augment", "--changes", "standard,rotation=20,hue=0.2,erasing=1", "--count", "4"])
    for heading in [
      "Random crops", "Horizontal flip", "Rotation", "Hue", "Erasing", "All together: what training sees",
    ] {
      #expect(text.contains(">\(heading)<"), "\(heading)")
    }
    #expect(text.components(separatedBy: "<image ").count == 1 + 3 + 6 * 4)
  }

  @Test func predictionsHaveASignBesideTheirColour() throws {
    let path = scratch / "predicted.svg"
    let outcome = try BuiltTool.run(
      ["show", scratch / "pets", "--predict", scratch / "toy.h5", "--output", path, "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.json()
    let mistakes = try #require(object["mistakes"] as? [[String: Any]])
    let shares = mistakes.compactMap { $0["probability"] as? Double }
    #expect(object["predicted"] as? Int == 4 && shares == shares.sorted(by: >))
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("✗") == !mistakes.isEmpty && text.contains("✓") == (mistakes.count < 4))
    // One in the heading, and one for each.
    let crosses = text.unicodeScalars.count { $0 == "✗" }
    #expect(crosses == (mistakes.isEmpty ? 0 : mistakes.count + 1))
  }

  @Test func networksAreShownFromInside() throws {
    let photo = try #require(
      try FileManager.default.contentsOfDirectory(atPath: scratch / "pets/test/cat").first.map {
        scratch / "pets/test/cat/\($0)"
      })
    let checkpoint = scratch / "toy.h5"
    let filters = try svg([checkpoint, "--filters", "conv1", "--count", "4"])
    #expect(filters.components(separatedBy: "<image ").count == 5 && filters.contains("7×7"))
    let maps = try svg([checkpoint, "--maps", photo, "--layers", "conv1,layer2", "--count", "3"])
    #expect(maps.components(separatedBy: "<image ").count == 1 + 1 + 6 && maps.contains("layer2  ·  Sequential"))
    _ = try svg([checkpoint, "--maps", photo, "--layers", "conv1,layer2", "--numbers", scratch / "maps.npz"])
    let arrays = try Checkpoint.read(from: scratch / "maps.npz")
    let input = try #require(arrays["input"]?.tensor())
    #expect(Set(arrays.paths) == ["input", "conv1", "layer2"] && input.shape.count == 4)
    let model = try Registry.zoo.classifier(from: Checkpoint.read(from: checkpoint), path: checkpoint).model
    func outputs(_ model: some Classifier) -> [String: Tensor] {
      inference { observing(["conv1", "layer2"], of: model) { model(input) }.outputs }
    }
    for (path, output) in outputs(model) { #expect(arrays[path]?.tensor()?.scalars == output.scalars, "\(path)") }
    let found = try svg([checkpoint, "--maximize", "layer1:0,2", "--steps", "3"])
    #expect(found.contains("channel 0") && found.contains("channel 2"))
    let patches = try svg([checkpoint, "--patches", "layer1", "--data", scratch / "pets", "--count", "2"])
    #expect(patches.contains("channel 1") && patches.components(separatedBy: "<image ").count == 1 + 2 * 4)
    let embedding = try svg([checkpoint, "--embed", "--data", scratch / "pets", "--part", "all"])
    #expect(
      embedding.contains("first principal component") && embedding.components(separatedBy: "<circle ").count >= 20)
    try ToyFiles.headless().write(to: scratch / "headless.h5")
    #expect(try svg([scratch / "headless.h5", "--maps", photo, "--count", "1"]).contains("feature maps"))
    let graph = try svg([checkpoint, "--graph"])
    #expect(
      graph.contains("convolution 7×7, stride 2×2") && graph.contains(">layer1.0.conv1<") && graph.contains(">add<"))
  }

  @Test(arguments: [
    (["--filters", "conv2"], "did you mean 'conv1'?"), (["--filters", "bn1"], "no filters"),
    (["--filters", "maxpool"], "no filters"), (["--maximize", "layer1:99"], "no channel 99"),
    (["--maps", "none.jpg"], "none.jpg"),
    (["--patches", "fc", "--data", "pets"], "not an image"), ([], "say what to show"),
  ])
  func whatCannotBeShownIsSaid(arguments: [String], text: String) throws {
    let arguments = ["show", "toy.h5"] + arguments + ["--output", "x.png"]
    let outcome = try BuiltTool.run(arguments, in: scratch.path)
    expectFault(outcome, text)
    #expect(!scratch.names.contains("x.png"))
  }

  @Test func numbersAreOfMapsAndArrays() throws {
    func refusal(_ arguments: String...) throws -> String {
      let outcome = try BuiltTool.run(["show", "toy.h5", "--output", "x.png"] + arguments, in: scratch.path)
      #expect(outcome.status == 64)
      return outcome.errors
    }
    #expect(try refusal("--filters", "conv1", "--numbers", "x.npz").contains("--numbers is for --maps"))
    #expect(try refusal("--maps", "none.jpg", "--numbers", "x.h5").contains("written as .npz"))
  }

  @Test func otherFilesAreNotWrittenOver() throws {
    try scratch.write("notes", to: "notes.png")
    expectFault(try BuiltTool.run(["show", "pets", "--output", "notes.png"], in: scratch.path), "not a picture")
    expectFault(try BuiltTool.run(["show", "none", "--output", "a.png"], in: scratch.path), "none")
    expectFault(try BuiltTool.run(["show", "pets", "--output", "none/a.png"], in: scratch.path), "none/a.png")
    let forced = try BuiltTool.run(["show", "pets", "--output", "notes.png", "--force"], in: scratch.path)
    #expect(forced.status == 0)
    #expect(try DecodedImage(contentsOf: scratch / "notes.png").width > 300)
  }
}

/// What `aviary describe` finds.
@Suite struct DescribeTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  @Test func imagesAreCountedComparedAndRead() throws {
    try ToyFiles.images(at: scratch / "pets")
    let manager = FileManager.default
    let cat = try #require(try manager.contentsOfDirectory(atPath: scratch / "pets/train/cat").min())
    try manager.copyItem(atPath: scratch / "pets/train/cat/\(cat)", toPath: scratch / "pets/test/cat/copy.png")
    try manager.copyItem(atPath: scratch / "pets/train/cat/\(cat)", toPath: scratch / "pets/train/dog/copy.png")
    try scratch.write("not an image", to: "pets/train/cat/bad.jpg")
    let outcome = try BuiltTool.run(["describe", scratch / "pets", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.json()
    #expect(object["classes"] as? [String] == ["cat", "dog"])
    #expect((object["damaged"] as? [[String: Any]])?.count == 1)
    let twins = try #require(object["duplicates"] as? [[String: Any]])
    let leak = try #require(twins.first { $0["leak"] as? Bool == true })
    #expect(leak["same_pixels"] as? Bool == true && leak["contradiction"] as? Bool == true)
    #expect((leak["images"] as? [[String: Any]])?.count == 3)
    let copies = try #require(leak["copies"] as? [[String: Any]])
    #expect(copies.count == 1 && copies[0]["leak"] as? Bool == true && (copies[0]["paths"] as? [String])?.count == 3)
    let text = try BuiltTool.run(["describe", scratch / "pets"])
    #expect(
      text.output.contains("! 1 image in more than one part (1 with the same pixels): a test")
        && text.output.contains("bad.jpg: not an image"))
  }

  @Test func tablesTellWhatGivesTheTargetAway() throws {
    let rows = (0..<60).map { row in
      let price = Double(row * 37 % 60) + 0.5
      return "\(row),\(row % 3 == 0 ? "red" : "blue"),\(price * 1.19),\(row % 7),\(price),,x"
    }
    let header = "id,colour,gross,noise,price,empty,same\n"
    try scratch.write(header + rows.joined(separator: "\n") + "\n", to: "a.csv")
    try scratch.write(header + rows[3] + "\n", to: "b.csv")
    let outcome = try BuiltTool.run(
      ["describe", scratch / "a.csv", scratch / "b.csv", "--target", "price", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.json()
    let columns = try #require(object["columns"] as? [[String: Any]])
    func warning(_ name: String) -> String? { columns.first { $0["name"] as? String == name }?["warning"] as? String }
    #expect(warning("gross") == "is price in another unit" && warning("noise") == nil && warning("colour") == nil)
    #expect(warning("empty") == "every field is missing" && warning("same") == "all fields are the same")
    #expect(object["equal_rows_across_files"] as? Int == 1)
    expectFault(try BuiltTool.run(["describe", scratch / "a.csv", "--target", "cost"]), "cost")
    expectFault(try BuiltTool.run(["describe", scratch / "none"]), "none")
  }
}
