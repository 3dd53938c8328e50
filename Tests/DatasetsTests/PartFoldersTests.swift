import AviaryArchives
import Testing

@testable import AviaryDatasets

/// Parts of image folders under all their names, and classes under all their spellings.
@Suite struct PartFoldersTests {
  private func folder(_ files: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for file in files {
      let path = folder.path + "/" + file
      try FileSystem.createFolder(String(path[..<path.lastIndex(of: "/")!]))
      try FileSystem.write([1], to: path)
    }
    return folder
  }

  @Test(arguments: [
    ["train", "valid", "test"], ["train", "val", "test"], ["train", "validation", "test"], ["Train", "Val", "Test"],
    ["TRAIN", "VALIDATION", "TEST"], ["Training", "Validation", "Testing"],
  ])
  func partsGoBySeveralNames(names: [String]) throws {
    let root = try folder(names.flatMap { ["\($0)/cat/1", "\($0)/dog/1", "\($0)/dog/2"] })
    let dataset = try ImageDataset(root.path)
    for (part, name) in zip([dataset.training, dataset.validation, dataset.test], names) {
      let part = try #require(part)
      #expect(part.counts == [1, 2] && part.entries.allSatisfy { $0.path.hasPrefix("\(root.path)/\(name)/") })
    }
    #expect(dataset.classes == ["cat", "dog"] && dataset.remarks.isEmpty)
    let parts = try #require(try PartFolders(root.path))
    #expect(parts.parts.map(\.name) == names && parts.unused.isEmpty)
    #expect(parts.path(of: .valid) == root.path + "/" + names[1])
  }

  @Test(arguments: [("val", "validation"), ("Train", "train"), ("TEST", "test"), ("valid", "VAL"), ("testing", "test")])
  func onePartInTwoFoldersIsRefused(first: String, second: String) throws {
    let root = try folder(["train", first, second].flatMap { ["\($0)/a/1", "\($0)/b/1"] })
    let (a, b) = first.utf8.lexicographicallyPrecedes(second.utf8) ? (first, second) : (second, first)
    let fault = ImageFolderFault.samePart(path: root.path, a, b)
    #expect(throws: fault) { try ImageDataset(root.path) }
    #expect(throws: fault) { try PartFolders(root.path) }
    #expect("\(fault)".contains("'\(first)'") && "\(fault)".contains("'\(second)'"))
  }

  @Test func whatIsBesideThePartsIsNamed() throws {
    let root = try folder([
      "train/a/1", "train/b/1", "train/stray.JPG", "unlabeled/1", "extra/1", "one.png", "readme.txt", ".git/config",
    ])
    #expect(
      try ImageDataset(root.path).remarks == [
        "\(root.path): 2 folders beside the parts are not used: 'extra', 'unlabeled'",
        "\(root.path): 1 image beside the parts is not used: 'one.png'",
        "\(root.path)/train: 1 image beside the class folders is not used: 'stray.JPG'",
      ])
  }

  @Test func classesThatDifferInCapitalLettersAreSaid() throws {
    let root = try folder(["train/Cat/1", "train/cat/1", "train/dog/1", "test/Cat/1", "test/cat/1", "test/dog/1"])
    let dataset = try ImageDataset(root.path)
    #expect(dataset.classes == ["Cat", "cat", "dog"], "they stay two classes")
    #expect(
      dataset.remarks == [
        "\(root.path)/train: 'Cat' and 'cat' are classes of their own, whose names differ only in capital letters; is that meant?"
      ])
  }

  @Test func annotationsAreNoUnreadableImages() throws {
    let root = try folder(["a/1.jpg", "a/1.xml", "a/Thumbs.db", "b/1", "b/notes.txt"])
    let images = try ImageFolder(root.path)
    #expect(images.counts == [1, 1])
    #expect(images.remarks.count == 1 && images.remarks[0].contains("3 files in the class folders"))
    let notes = try folder(["a/1.jpg", "b/notes.txt"])
    #expect(throws: ImageFolderFault.emptyClass(path: notes.path + "/b")) { try ImageFolder(notes.path) }
  }

  @Test func linksThatLeadNowhereAreNamed() throws {
    let root = try folder(["a/1", "b/1"])
    try root.link("/nowhere", at: "a/2")
    let images = try ImageFolder(root.path)
    #expect(images.counts == [1, 1])
    #expect(
      images.remarks == ["\(root.path): 1 name of neither a file nor a folder is not used: '\(root.path)/a/2'"])
  }

  @Test func aClassMayBeCalledTrain() throws {
    // Vehicles: no class folders in it, and other folders beside it.
    let vehicles = try folder(["car/1", "bus/1", "train/1"])
    #expect(try PartFolders(vehicles.path) == nil)
    #expect(try ImageDataset(vehicles.path).classes == ["bus", "car", "train"])
    // Parts that were filled without class folders are not classes.
    let flat = try folder(["train/1.jpg", "test/1.jpg"])
    #expect(throws: ImageFolderFault.noClass(path: flat.path + "/train")) { try ImageDataset(flat.path) }
    let unsorted = try folder(["train/a/1", "train/b/1", "test/1.jpg"])
    #expect(throws: ImageFolderFault.noClass(path: unsorted.path + "/test")) { try ImageDataset(unsorted.path) }
  }

  @Test func partsWithoutTrainingAreRefused() throws {
    let root = try folder(["test/a/1", "test/b/1", "Val/a/1", "Val/b/1", "more/1"])
    #expect(throws: ImageFolderFault.noTraining(path: root.path, parts: ["Val", "test"], others: ["more"])) {
      try ImageDataset(root.path)
    }
  }

  // MARK: Spellings of a class

  @Test func classesMatchInBothNormalForms() throws {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
    for (training, validation) in [(composed, decomposed), (decomposed, composed)] {
      let root = try folder([
        "train/\(training)/1", "train/zoo/1", "valid/\(validation)/1", "valid/zoo/1", "valid/\(validation)/2",
        "test/\(training)/1", "test/zoo/1",
      ])
      let dataset = try ImageDataset(root.path)
      #expect(dataset.classes.map { Array($0.utf8) } == [training, "zoo"].map { Array($0.utf8) })
      let images = try #require(dataset.validation)
      #expect(images.counts == [2, 1])
      // The file is opened by its own name.
      #expect(images.entries.allSatisfy { FileSystem.exists($0.path) })
    }
  }

  @Test func oneClassInTwoSpellingsIsRefused() throws {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
    let root = try folder(["train/\(composed)/1", "train/\(decomposed)/1", "train/zoo/1"])
    let fault = #expect(throws: ImageFolderFault.self) { try ImageDataset(root.path) }
    let words = try #require(fault).description
    #expect(words.contains("'cafe\\u{301}'") && words.contains("'caf\\u{e9}'"))
  }

  @Test func namesThatAreNotUTF8AreClassesAndImages() throws {
    let name = PathText.text(of: [0xe9, 0x6c])
    let root = try folder(["a/caf\(PathText.text(of: [0xe9]))1.png", "a/2.png", "\(name)/1", "\(name)/2", "b/1"])
    let images = try ImageFolder(root.path)
    #expect(images.classes == ["a", "b", name] && images.counts == [2, 1, 2])
    #expect(images.entries.allSatisfy { FileSystem.status($0.path)?.size == 1 })
    let other = try folder(["\(name)/3", "a/1", "b/1"])
    #expect(try ImageFolder(other.path, classes: images.classes).entries.map(\.label) == [0, 1, 2])
  }
}
