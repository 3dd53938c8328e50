import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct PackedDatasetTests {
  /// An IDX file of bytes.
  private func idx(_ shape: [Int], _ elements: [UInt8], type: UInt8 = 8) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, type, UInt8(shape.count)]
    for size in shape { bytes += withUnsafeBytes(of: UInt32(size).bigEndian) { Array($0) } }
    return bytes + elements
  }

  /// Labels 0, 1, 2, 1 as an IDX file compressed by Python's gzip.
  private let packedLabels = Array(Data(base64Encoded: "H4sIAAAAAAACA2Ng4GBkYGBgYWBkYgQAOwwKzgwAAAA=")!)

  /// Four pictures of 2 × 3 whose pixels count up.
  private func folder(
    images: [UInt8]? = nil, labels: [UInt8]? = nil, others: [(String, [UInt8])] = []
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(images ?? idx([4, 2, 3], Array(0..<24)), to: "train-images-idx3-ubyte")
    try folder.write(labels ?? packedLabels, to: "train-labels-idx1-ubyte.gz")
    for (name, bytes) in others { try folder.write(bytes, to: name) }
    return folder
  }

  @Test func idxFilesAreGreyPicturesWithNumbersForClasses() throws {
    let root = try folder()
    let data = try #require(try PackedDataset(root.path))
    #expect(data.format == "IDX files" && data.test == nil)
    #expect(data.training.classes == ["0", "1", "2"] && data.training.counts == [1, 2, 1])
    let second = data.training.entries[1]
    #expect(second.path == root.path + "/train-images-idx3-ubyte#1" && second.label == 1)
    #expect(second.file == root.path + "/train-images-idx3-ubyte")
    let picture = try second.decoded()
    #expect((picture.width, picture.height) == (3, 2))
    #expect(picture.pixels == (6..<12).flatMap { [UInt8](repeating: $0, count: 3) })
    #expect(try #require(try PackedDataset(root.path, limit: 1)).training.counts == [1, 1, 1])
  }

  /// As EMNIST comes: a name stands before the usual one, and one set is read.
  @Test func filesMayBeNamedAfterTheirSet() throws {
    let root = try TemporaryFolder()
    try root.write(idx([4, 2, 3], Array(0..<24)), to: "emnist-letters-train-images-idx3-ubyte")
    try root.write(packedLabels, to: "emnist-letters-train-labels-idx1-ubyte.gz")
    try root.write(idx([1, 2, 3], Array(0..<6)), to: "emnist-letters-test-images-idx3-ubyte")
    try root.write(idx([1], [2]), to: "emnist-letters-test-labels-idx1-ubyte")
    #expect(PackedDataset.isPresent(at: root.path))
    let data = try #require(try PackedDataset(root.path))
    #expect(data.training.counts == [1, 2, 1] && data.test?.counts == [0, 0, 1])
    try root.write(idx([4, 2, 3], Array(0..<24)), to: "emnist-digits-train-images-idx3-ubyte")
    #expect(
      throws: ImageFolderFault.severalSets(path: root.path, names: ["emnist-digits", "emnist-letters"])
    ) { try PackedDataset(root.path) }
    // The plain names come first.
    try root.write(idx([2, 2, 3], Array(0..<12)), to: "train-images-idx3-ubyte")
    try root.write(idx([2], [0, 1]), to: "train-labels-idx1-ubyte")
    #expect(try #require(try PackedDataset(root.path)).training.counts == [1, 1])
  }

  @Test(arguments: [["data_batch_1", "test_batch", "batches.meta"], ["train", "test", "meta"]])
  func pickledFilesOfCIFARAreNamed(files: [String]) throws {
    let root = try TemporaryFolder()
    for name in files { try root.write([0x80, 2], to: name) }
    #expect(throws: ImageFolderFault.pickledCIFAR(path: root.path)) { try PackedDataset(root.path) }
  }

  @Test func theirOwnPreprocessingNormalisesThem() throws {
    let root = try folder()
    let dataset = try ImageDataset(root.path)
    let preprocessing = try #require(dataset.ownPreprocessing)
    #expect(preprocessing.channels == .grey && preprocessing.resize == .exact(ImageSize(height: 2, width: 3)))
    let batches = try ImageBatches(dataset.training.entries, preprocessing: preprocessing, batchSize: 4)
    let values = try #require(batches.next()).inputs.scalars
    let mean = values.reduce(0, +) / 24
    let square = values.reduce(0) { $0 + $1 * $1 } / 24
    #expect(abs(mean) < 1e-3 && abs(square - 1) < 1e-3, "rounded to five digits: \(mean), \(square)")
  }

  @Test func aTestPartAndNamesAreFound() throws {
    let root = try folder(others: [
      ("t10k-images-idx3-ubyte", idx([1, 2, 3], Array(repeating: 9, count: 6))),
      ("t10k-labels-idx1-ubyte", idx([1], [2])), ("classes.txt", Array("ant\nbee\r\ncow\n".utf8)),
    ])
    let data = try ImageDataset(root.path)
    #expect(data.classes == ["ant", "bee", "cow"] && data.test?.counts == [0, 0, 1] && data.validation == nil)
  }

  @Test func cifarRecordsAreThreePlanes() throws {
    var record = [UInt8](repeating: 0, count: 3073)
    record[0] = 1
    record[1] = 10
    record[1 + 1024] = 20
    record[1 + 2048] = 30
    let root = try TemporaryFolder()
    try root.write(record + [UInt8](repeating: 0, count: 3073), to: "data_batch_1.bin")
    try root.write(record, to: "data_batch_2.bin")
    try root.write(record, to: "test_batch.bin")
    let data = try #require(try PackedDataset(root.path))
    #expect(data.training.counts == [1, 2] && data.test?.counts == [0, 1])
    #expect(try data.training.entries[0].decoded().pixels.prefix(4) == [10, 20, 30, 0])
    #expect(try ImageDataset(root.path).ownPreprocessing?.mean.count == 3)
  }

  @Test func cifar100HasTwoLabelsOfWhichTheFineOneCounts() throws {
    let root = try TemporaryFolder()
    try root.write([19, 1] + [UInt8](repeating: 7, count: 3072), to: "train.bin")
    try root.write(Array("apple\nbear\n".utf8), to: "fine_label_names.txt")
    let data = try #require(try PackedDataset(root.path))
    #expect(data.training.classes == ["apple", "bear"] && data.training.entries.map(\.label) == [1])
    #expect(try data.training.entries[0].decoded().pixels.allSatisfy { $0 == 7 })
  }

  @Test func otherFoldersAreNone() throws {
    let root = try TemporaryFolder()
    try root.write([1], to: "cat/a.jpg")
    #expect(try PackedDataset(root.path) == nil)
    #expect(try PackedDataset("/nowhere") == nil)
  }

  @Test func whatIsDamagedIsNamed() throws {
    func expectFault(_ root: TemporaryFolder, _ word: String, sourceLocation: SourceLocation = #_sourceLocation) {
      do {
        _ = try PackedDataset(root.path)
        Issue.record("no fault with \(word)", sourceLocation: sourceLocation)
      } catch {
        let text = "\(error)"
        #expect(text.contains(word) && text.contains(root.path) && !text.contains("\n"), sourceLocation: sourceLocation)
      }
    }
    expectFault(try folder(images: idx([4, 2, 3], Array(0..<23))), "asks for 24 elements, and it has 23")
    expectFault(try folder(images: idx([3, 2, 3], Array(0..<18))), "do not go with labels")
    expectFault(try folder(images: idx([4, 2, 3], Array(0..<24), type: 13)), "type 13")
    expectFault(try folder(images: [0, 0, 8, 255]), "within its header")
    expectFault(try folder(images: idx([4, 0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffff], [])), "impossible")
    expectFault(try folder(images: idx([0, 2, 3], []), labels: idx([0], [])), "no images")
    expectFault(try folder(images: [7, 7, 7, 7]), "does not begin")
    expectFault(try folder(labels: Array(packedLabels.dropLast(9))), "train-labels")
    var bomb = packedLabels
    bomb.replaceSubrange((bomb.count - 4)..., with: [0, 0, 0, 0x7f])
    expectFault(try folder(labels: bomb), "claims to unpack")
    expectFault(try folder(others: [("classes.txt", Array("ant\nbee".utf8))]), "has no name")
    expectFault(try folder(others: [("t10k-images-idx3-ubyte", idx([1, 2, 3], Array(0..<6)))]), "t10k-labels")
    let records = try TemporaryFolder()
    try records.write([1, 2, 3], to: "data_batch_1.bin")
    expectFault(records, "not a multiple of a record's 3073")
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func fashionMNIST() throws {
    let path = try #require(SharedData.url("fashion-mnist")).path
    let data = try ImageDataset(path)
    #expect(data.training.counts == Array(repeating: 6000, count: 10))
    #expect(data.test?.counts == Array(repeating: 1000, count: 10))
    // The statistics of a tenth, since sums over all pixels are slow in debug builds.
    let some = ImageFolder(
      classes: data.classes, entries: stride(from: 0, to: 60_000, by: 10).map { data.training.entries[$0] })
    let (mean, deviation) = try #require(PackedImages.statistics(some.entries))
    #expect(abs(mean[0] - 0.28604) < 0.004 && abs(deviation[0] - 0.35302) < 0.004)
  }
}
