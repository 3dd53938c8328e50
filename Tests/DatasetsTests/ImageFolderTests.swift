import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct ImageFolderTests {
  private func folder(_ files: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for file in files { try folder.write([1], to: file) }
    return folder
  }

  @Test func listsClassesAndFilesInOrder() throws {
    let root = try folder([
      "dog/2.jpg", "dog/10.jpg", "dog/1.jpg", "cat/b/x.png", "cat/a.webp", "cat/.hidden", ".git/config", "readme.txt",
    ])
    let images = try ImageFolder(root.path)
    #expect(images.classes == ["cat", "dog"])
    #expect(
      images.entries.map { String($0.path.dropFirst(root.path.count + 1)) } == [
        "cat/a.webp", "cat/b/x.png", "dog/1.jpg", "dog/10.jpg", "dog/2.jpg",
      ])
    #expect(images.entries.map(\.label) == [0, 0, 1, 1, 1])
    #expect(try ImageFolder(root.path, limit: 2).counts == [2, 2])
  }

  @Test func foldersWithoutAChoiceAreRefused() throws {
    let none = try folder(["a.jpg"])
    #expect(throws: ImageFolderFault.noClass(path: none.path)) { try ImageFolder(none.path) }
    let one = try folder(["cat/a.jpg"])
    #expect(throws: ImageFolderFault.oneClass(path: one.path, name: "cat")) { try ImageFolder(one.path) }
    try one.folder("dog")
    #expect(throws: ImageFolderFault.emptyClass(path: one.path + "/dog")) { try ImageFolder(one.path) }
    #expect(throws: ImageFolderFault.noClass(path: none.path)) { try ImageFolder(none.path, classes: ["cat", "dog"]) }
    #expect(throws: ImageFolderFault.unreadable(path: "/nowhere")) { try ImageFolder("/nowhere") }
    for error in [ImageFolderFault.noClass(path: "x"), .unreadable(path: "x"), .tooFew(images: 1, fraction: 0.1)] {
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func aClassMayBeMissingWhereThatIsAllowed() throws {
    let one = try folder(["cat/a.jpg", "cat/b.jpg"])
    try one.folder("dog")
    let classes = ["bird", "cat", "dog"]
    #expect(throws: ImageFolderFault.emptyClass(path: one.path + "/bird")) {
      try ImageFolder(one.path, classes: classes)
    }
    let found = try ImageFolder(one.path, classes: classes, allowsMissing: true)
    #expect(found.counts == [0, 2, 0])
    #expect(found.remarks == ["\(one.path): has no images of 2 of 3 classes: 'bird', 'dog'"])
    let none = try folder([])
    try none.folder("dog")
    #expect(throws: ImageFolderFault.noImages(path: none.path)) {
      try ImageFolder(none.path, classes: classes, allowsMissing: true)
    }
  }

  /// The bytes decide where two classes are one name in two spellings, and else Unicode does.
  @Test func classesAreFoundInEitherSpelling() throws {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
    let one = ClassPlaces(["tea", composed])
    #expect(one.place(of: composed) == 1 && one.place(of: decomposed) == 1 && one.place(of: "cafe") == nil)
    let both = ClassPlaces([composed, "tea", decomposed])
    #expect(both.place(of: composed) == 0 && both.place(of: decomposed) == 2 && both.place(of: "tea") == 1)
    let many = (0..<50_000).map { "class \($0)" }
    let places = ClassPlaces(many)
    #expect(many.indices.allSatisfy { places.place(of: many[$0]) == $0 })
  }

  @Test func linksThatGoRoundEnd() throws {
    let root = try folder(["cat/a.jpg", "dog/a.jpg"])
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: root.path + "/cat/again", withDestinationPath: root.path + "/cat")
    try manager.createSymbolicLink(atPath: root.path + "/cat/nowhere", withDestinationPath: "/nowhere")
    try manager.createSymbolicLink(atPath: root.path + "/dog/b.jpg", withDestinationPath: root.path + "/cat/a.jpg")
    #expect(try ImageFolder(root.path).counts == [1, 2])
  }

  @Test func partsShareTheClassesOfTraining() throws {
    let root = try folder([
      "train/cat/1", "train/dog/1", "train/dog/2", "val/dog/1", "val/cat/1", "test/cat/1", "test/dog/1",
    ])
    let dataset = try ImageDataset(root.path)
    #expect(dataset.classes == ["cat", "dog"])
    #expect(dataset.training.counts == [1, 2])
    #expect(dataset.validation?.entries.map(\.label) == [0, 1])
    #expect(dataset.test?.entries.count == 2)
    try root.write([1], to: "test/bird/1")
    #expect(
      throws: ImageFolderFault.unknownClass(path: root.path + "/test", name: "bird", expected: ["cat", "dog"])
    ) { try ImageDataset(root.path) }
    let plain = try folder(["a/1", "b/1"])
    #expect(try ImageDataset(plain.path).validation == nil)
    let missing = try folder(["train/a/1", "train/b/1", "test/a/1"])
    #expect(throws: ImageFolderFault.emptyClass(path: missing.path + "/test/b")) { try ImageDataset(missing.path) }
  }

  @Test func splitsAreStratifiedAndSeeded() throws {
    let entries = (0..<100).map { ImageEntry(path: "\($0)", label: $0 < 80 ? 0 : 1) }
    let all = ImageFolder(classes: ["a", "b"], entries: entries)
    let (training, validation) = try all.stratifiedSplit(fraction: 0.1, seed: 3)
    #expect(validation.counts == [8, 2])
    #expect(training.counts == [72, 18])
    #expect(Set(training.entries).isDisjoint(with: validation.entries))
    #expect(try all.stratifiedSplit(fraction: 0.1, seed: 3).validation == validation)
    #expect(try all.stratifiedSplit(fraction: 0.1, seed: 4).validation != validation)
    let pair = ImageFolder(classes: ["a", "b"], entries: [entries[0], entries[99]])
    #expect(throws: ImageFolderFault.tooFew(images: 2, fraction: 0.5)) {
      try pair.stratifiedSplit(fraction: 0.5, seed: 0)
    }
  }
}
