import Aviary
import AviaryArchives
import Foundation
import Testing

/// Files whose names are not UTF-8, in folders and on the command line.
@Suite struct ByteNameTests {
  private let scratch: ScratchFolder
  /// `café` in Latin-1.
  private let name = PathText.text(of: [0x63, 0x61, 0x66, 0xe9])

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "pets")
    // The class "cat" and one image of "dog" get names that are not UTF-8.
    for part in ["train", "test"] {
      let (cat, dog) = (scratch / "pets/\(part)/cat", scratch / "pets/\(part)/dog")
      try FileSystem.createFolder(scratch / "data/\(part)/\(name)")
      try FileSystem.createFolder(scratch / "data/\(part)/dog")
      for (number, file) in try FileSystem.names(in: cat).enumerated() {
        try FileSystem.write(
          MappedFile(path: cat + "/" + file).bytes.array(), to: scratch / "data/\(part)/\(name)/\(number).jpg")
      }
      for (number, file) in try FileSystem.names(in: dog).enumerated() {
        let renamed = number == 0 ? name + ".jpg" : file
        try FileSystem.write(
          MappedFile(path: dog + "/" + file).bytes.array(), to: scratch / "data/\(part)/dog/\(renamed)")
      }
    }
  }

  /// Runs the tool by a shell, whose `printf` makes the bytes: `$N` is the name.
  private func shell(_ arguments: String) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      ["-c", "N=$(printf 'caf\\351'); exec '\(BuiltTool.path)' \(arguments)"], of: "/bin/sh", in: scratch.path)
  }

  @Test func classesAndImagesAreReadLikeAnyOther() throws {
    try ToyFiles.checkpoint(classes: [name, "dog"]).write(to: scratch / "toy.h5")
    let evaluated = try shell("evaluate toy.h5 --data data --json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let object = try evaluated.json()
    #expect(object["images"] as? Int == 4 && object["classes"] as? [String] == [name, "dog"])
    #expect((object["skipped"] as? [Any])?.isEmpty == true)
    let plain = try shell("evaluate toy.h5 --data data")
    #expect(plain.output.contains("caf\\xe9"), "\(plain.output)")
    let features = try shell("features toy.h5 --data data --output \"$N.h5\"")
    #expect(
      features.status == 0 && features.output.contains("caf\\xe9.h5: features of 20 images"), "\(features.errors)")
    #expect(FileSystem.exists(scratch / "\(name).h5"))
  }

  @Test func pathsOfTheCommandLineAreBytes() throws {
    try ToyFiles.checkpoint().write(to: scratch / "\(name).h5")
    let predicted = try shell("predict \"$N.h5\" \"data/test/$N/0.jpg\" \"data/test/dog/$N.jpg\" --json")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let images = try #require(try predicted.json()["predictions"] as? [[String: Any]]).map { $0["image"] as? String }
    #expect(images == ["data/test/\(name)/0.jpg", "data/test/dog/\(name).jpg"])
    let note = "names that are not UTF-8 are in the output"
    #expect(predicted.errors.split(separator: "\n").count { $0.contains(note) } == 1, "\(predicted.errors)")
    for file in ["p.csv", "p.jsonl", "p.sqlite"] {
      let written = try shell("predict \"$N.h5\" \"data/test/dog/$N.jpg\" --output \(file)")
      #expect(written.status == 0 && written.errors.contains(note), "\(file): \(written.errors)")
    }
    let others = try shell("predict \"$N.h5\" data/test/dog/[0-9]*.jpg --json")
    #expect(others.status == 0 && !others.errors.contains(note), "\(others.errors)")
    let verified = try shell("verify \"$N.h5\"")
    #expect(verified.status == 0 && verified.output.hasPrefix("caf\\xe9.h5: ok"), "\(verified.errors)")
    expectFault(try shell("predict \"$N.h5\" \"$N$N.jpg\""), "caf\\xe9caf\\xe9.jpg: cannot be read")
  }

  @Test func aRunGoesWhereverItIsTold() throws {
    try FileSystem.createFolder(scratch / name)
    let options = "train resnet-toy --data data --epochs 2 --image-size 32 --batch-size 4"
    let trained = try shell("\(options) --output \"$N/run\"")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.output.contains("caf\\xe9/run/best.h5"))
    let files = try FileSystem.names(in: scratch / "\(name)/run")
    for file in ["best.h5", "last.h5", "history.csv", "summary.json"] { #expect(files.contains(file)) }
    let resumed = try shell("train --resume \"$N/run\"")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try shell("predict \"$N/run\" data/test/dog/*.jpg").status == 0)
  }
}
