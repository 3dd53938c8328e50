import Aviary
import AviaryArchives
import Foundation
import Testing

/// Folders, packed files and unreadable images, as commands take them.
@Suite struct ImageInputTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "pets")
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
  }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  private func images(_ outcome: BuiltTool.Outcome) throws -> [String] {
    try #require(try outcome.json()["predictions"] as? [[String: Any]]).compactMap { $0["image"] as? String }
  }

  /// Ten grey pictures of two classes as IDX files.
  private func packed() throws {
    try FileSystem.createFolder(scratch / "packed")
    var pictures: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28]
    var labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 10]
    for number in 0..<10 {
      let shade: Int = number % 2 * 200
      for pixel in 0..<784 { pictures.append(UInt8(shade + pixel % 50)) }
      labels.append(UInt8(number % 2))
    }
    for part in ["train", "t10k"] {
      try FileSystem.write(pictures, to: scratch / "packed/\(part)-images-idx3-ubyte")
      try FileSystem.write(labels, to: scratch / "packed/\(part)-labels-idx1-ubyte")
    }
  }

  @Test func predictTakesFolders() throws {
    let folder = try run("predict", "toy.h5", "pets/test", "pets/train/cat/000.jpg", "--json")
    #expect(folder.status == 0, "\(folder.errors)")
    let names = try images(folder)
    #expect(names.count == 5 && names.last == "pets/train/cat/000.jpg")
    let listed = Array(names.dropLast())
    #expect(listed == listed.sorted())
    #expect(names.allSatisfy { $0.hasPrefix("pets/") })
    try FileSystem.write([1], to: scratch / "pets/test/cat/a.png")
    try FileSystem.write([1], to: scratch / "pets/test/cat/a.txt")
    try FileSystem.createFolder(scratch / "empty")
    let some = try run("predict", "toy.h5", "pets/test", "empty", "none.png")
    #expect(some.status == 1 && some.output.contains("pets/test/cat/a.png\n  not predicted"))
    #expect(some.errors.contains("1 file that holds no image is not used: 'pets/test/cat/a.txt'"), "\(some.errors)")
    expectFault(some, "3 of 7 images could not be predicted", "empty: has no images", "none.png: cannot be read")
  }

  /// The mean by which packed pictures are normalised is that of those that are trained on: two of ten are held out.
  @Test func heldOutPicturesDoNotCountInTheMean() throws {
    try FileSystem.createFolder(scratch / "packed")
    let shades: [UInt8] = [1, 2, 4, 8, 16, 32, 64, 128, 200, 250]
    var pictures: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28]
    for shade in shades { pictures += [UInt8](repeating: shade, count: 784) }
    try FileSystem.write(pictures, to: scratch / "packed/train-images-idx3-ubyte")
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 10] + (0..<10).map { $0 % 2 }
    try FileSystem.write(labels, to: scratch / "packed/train-labels-idx1-ubyte")
    let outcome = try run(
      "train", "lenet5", "--data", "packed", "--epochs", "1", "--validation", "0.2", "--output", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let mean = try #require(try Checkpoint.read(from: scratch / "run/best.h5").preprocessing()).mean[0]
    let sums = shades.indices.flatMap { a in shades.indices.filter { $0 > a }.map { Int(shades[a]) + Int(shades[$0]) } }
    #expect(sums.contains(705 - Int((mean * 8 * 255).rounded())), "\(mean)")
  }

  @Test func packedFilesAreTrainedOnUnderNamesAndPredicted() throws {
    try packed()
    let options = ["train", "lenet5", "--data", "packed", "--epochs", "1", "--batch-size", "4"]
    func train(_ more: String...) throws -> BuiltTool.Outcome { try BuiltTool.run(options + more, in: scratch.path) }
    let doubled = try train("--output", "run", "--classes", "shirt,shirt")
    #expect(doubled.status == 64 && doubled.errors.contains("--classes: two classes are called 'shirt'"))
    expectFault(try train("--output", "run", "--classes", "a,b,c"), "3 class names for 2 classes")
    #expect(!FileSystem.exists(scratch / "run"))
    let outcome = try train("--output", "run", "--classes", "shirt,shoe", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["classes"] as? [String] == ["shirt", "shoe"])
    let evaluated = try run("evaluate", "run", "--data", "packed", "--json")
    #expect(try evaluated.json()["classes"] as? [String] == ["shirt", "shoe"], "\(evaluated.errors)")
    let predicted = try run("predict", "run", "packed/t10k-images-idx3-ubyte", "--top", "1", "--json")
    #expect(try images(predicted) == (0..<10).map { "packed/t10k-images-idx3-ubyte#\($0)" })
    #expect(predicted.output.contains("\"sh"))
    #expect(try images(run("predict", "run", "packed", "--json")).count == 20)
    expectFault(
      try BuiltTool.run(
        ["train", "resnet-toy", "--data", scratch / "pets", "--output", scratch / "r2", "--classes", "a,b"]),
      "its folders are the classes")
  }

  @Test func whatCannotBeReadFails() throws {
    for name in try FileSystem.names(in: scratch / "pets/test/cat") {
      try FileSystem.write([1], to: scratch / "pets/test/cat/\(name)")
    }
    expectFault(try run("evaluate", "toy.h5", "--data", "pets"), "test images of the class 'cat' are unreadable")
    expectFault(
      try run("features", "toy.h5", "--data", "pets", "--output", "f.h5"),
      "test images of the class 'cat' are unreadable")
    #expect(!FileSystem.exists(scratch / "f.h5"))
    for name in try FileSystem.names(in: scratch / "pets/test/dog") {
      try FileSystem.write([1], to: scratch / "pets/test/dog/\(name)")
    }
    expectFault(try run("evaluate", "toy.h5", "--data", "pets"), "no image could be decoded")
    expectFault(
      try run(
        "train", "resnet-toy", "--data", "pets/test", "--output", "r", "--image-size", "32", "--validation", "0.5"),
      "training images are unreadable")
    #expect(!FileSystem.exists(scratch / "r/best.h5"))
  }

  @Test func aShareOfUnreadableImagesIsAllowed() throws {
    for name in try FileSystem.names(in: scratch / "pets/train/cat").prefix(2) {
      try FileSystem.write([1], to: scratch / "pets/train/cat/\(name)")
    }
    let data = ["--data", "pets/train"]
    func features(_ more: String...) throws -> BuiltTool.Outcome {
      try BuiltTool.run(["features", "toy.h5", "--output", "f.h5"] + data + more, in: scratch.path)
    }
    expectFault(try features(), "2 of 16 images cannot be read, and --max-skipped allows 10 % of 16: pets/train/cat/")
    for share in ["13%", "0.125", "13 %"] { #expect(try features("--max-skipped", share).status == 0) }
    #expect(try run("evaluate", "toy.h5", "--data", "pets/train").status == 0)
    expectFault(try run("evaluate", "toy.h5", "--data", "pets/train", "--max-skipped", "0"), "2 of 16 images")
    for share in ["-1", "1.5", "101%", "nan", "x", "%", ""] {
      let outcome = try features("--max-skipped", share)
      #expect(outcome.status == 64 && outcome.errors.contains("--max-skipped"), "\(share): \(outcome.errors)")
    }
  }
}
