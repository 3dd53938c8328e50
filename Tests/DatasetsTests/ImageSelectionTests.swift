import AviaryArchives
import Testing

@testable import AviaryDatasets

@Suite struct ImageSelectionTests {
  private static let picture: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  private func names(_ selection: ImageSelection, in root: TemporaryFolder) -> [String] {
    selection.entries.map { String($0.path.dropFirst(root.path.count + 1)) }
  }

  @Test func aFolderIsAllImagesBelowIt() throws {
    let root = try TemporaryFolder()
    for name in ["b/10.jpg", "b/2.PNG", "a/x", "c.webp", ".hidden.png", ".cache/1.png"] {
      try root.write(Self.picture, to: name)
    }
    try root.write([1, 2, 3], to: "damaged.png")
    try root.write([1, 2, 3], to: "b/notes.txt")
    let selection = try ImageSelection(root.path)
    #expect(names(selection, in: root) == ["a/x", "b/10.jpg", "b/2.PNG", "c.webp", "damaged.png"])
    #expect(selection.remark(on: "x") == "x: 1 file that holds no image is not used: '\(root.path)/b/notes.txt'")
    let none = try TemporaryFolder()
    try none.write([1], to: "a.txt")
    #expect(throws: ImageFolderFault.noImages(path: none.path)) { try ImageSelection(none.path) }
    // What is named is an image, whatever it is.
    #expect(try ImageSelection(root.path + "/b/notes.txt").entries.count == 1)
    #expect(try ImageSelection("/nowhere/1.png").entries.map(\.path) == ["/nowhere/1.png"])
  }

  @Test func packedFilesAreTheirPictures() throws {
    let root = try TemporaryFolder()
    let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6, 7, 8]
    try root.write(idx, to: "t10k-images-idx3-ubyte")
    try root.write([0, 0, 8, 1, 0, 0, 0, 2, 0, 1], to: "t10k-labels-idx1-ubyte")
    try root.write([3] + Array(repeating: 9, count: 3072), to: "data_batch_1.bin")
    try root.write([3, 4] + Array(repeating: 8, count: 3072), to: "test.bin")
    try root.write([1, 2, 3], to: "weights.bin")
    try root.write(Array(idx.dropLast()), to: "cut.idx3-ubyte")
    let selection = try ImageSelection(root.path)
    #expect(
      names(selection, in: root) == [
        "cut.idx3-ubyte", "data_batch_1.bin#0", "t10k-images-idx3-ubyte#0", "t10k-images-idx3-ubyte#1", "test.bin#0",
      ])
    #expect(
      selection.passedOver.map { $0.dropFirst(root.path.count + 1) } == ["t10k-labels-idx1-ubyte", "weights.bin"])
    #expect(try selection.entries[3].decoded().pixels == [7, 7, 7, 8, 8, 8])
    #expect(try selection.entries[4].decoded().pixels.allSatisfy { $0 == 8 })
    #expect(throws: ImageDecodingFault.self) { try selection.entries[0].decoded() }
    #expect(try ImageSelection(root.path + "/t10k-images-idx3-ubyte").entries.count == 2)
    #expect(throws: ImageFolderFault.self) { try ImageSelection(root.path + "/cut.idx3-ubyte") }
  }

  @Test func classesOfPackedFilesAreNamed() throws {
    let root = try TemporaryFolder()
    let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6, 7, 8]
    try root.write(idx, to: "train-images-idx3-ubyte")
    try root.write([0, 0, 8, 1, 0, 0, 0, 2, 0, 1], to: "train-labels-idx1-ubyte")
    let data = try ImageDataset(root.path, classes: ["shirt", "shoe"])
    #expect(data.classes == ["shirt", "shoe"] && data.training.entries.map(\.label) == [0, 1])
    for names in [["shirt"], ["shirt", "shoe", "bag"]] {
      #expect(throws: ImageFolderFault.classCount(path: root.path, names: names.count, classes: 2)) {
        try ImageDataset(root.path, classes: names)
      }
    }
  }
}
