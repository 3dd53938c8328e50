import AviaryCheckpoints
import AviaryDatasets
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// A run does not go on with images that it cannot read.
@Suite struct ReadingTallyTests {
  // MARK: Counting

  private static func folder(_ counts: [Int]) -> ImageFolder {
    ImageFolder(
      classes: counts.indices.map { "class\($0)" },
      entries: counts.enumerated().flatMap { label, count in
        (0..<count).map { ImageEntry(path: "\(label)/\($0).png", label: label) }
      })
  }

  private static func tally(_ counts: [Int], read: [Int], skipped: Int, most: Double) -> ReadingTally {
    let tally = ReadingTally("training", folder(counts), mostSkipped: most)
    for (label, count) in read.enumerated() { tally.add(labels: Array(repeating: Int32(label), count: count)) }
    for number in 0..<skipped { tally.addSkipped("bad\(number).png", "bad\(number).png: not an image") }
    return tally
  }

  @Test(arguments: [
    // Up to the share, whose product with the count is not always exact.
    ([50, 50], [40, 50], 10, 0.1), ([50, 50], [21, 50], 29, 0.29), ([5, 5], [5, 5], 0, 0), ([3, 3], [1, 1], 4, 1),
    ([9, 0], [9, 0], 0, 0.1),
  ])
  func withinTheShare(counts: [Int], read: [Int], skipped: Int, most: Double) throws {
    let tally = Self.tally(counts, read: read, skipped: skipped, most: most)
    #expect(!tally.isBeyondLimit)
    try tally.check()
  }

  @Test(arguments: [
    ([50, 50], [39, 50], 11, 0.1, "11 of 100 training images cannot be read, and --max-skipped allows 10 % of 100"),
    ([5, 5], [5, 4], 1, 0, "1 of 10 training images cannot be read, and --max-skipped allows 0 % of 10: bad0.png; "),
    // Nothing more has to be tried.
    (
      [50, 50], [3, 1], 11, 0.105,
      "11 of the 15 training images read so far cannot be read, and --max-skipped allows 10.5 %"
    ),
    ([6, 6], [0, 0], 12, 1, "all 12 training images are unreadable; the first: bad0.png: not an image"),
    ([99, 1], [99, 0], 1, 0.1, "all 1 training images of the class 'class1' are unreadable; the first"),
  ])
  func beyondTheShare(counts: [Int], read: [Int], skipped: Int, most: Double, words: String) throws {
    let tally = Self.tally(counts, read: read, skipped: skipped, most: most)
    let fault = try #require(throws: TrainingFault.self) { try tally.check() }
    #expect(fault.description.hasPrefix(words), "\(fault)")
    #expect(!fault.description.contains("\n"))
  }

  /// A class may have had its images before the run was interrupted in this epoch.
  @Test func aPartOfAPassSaysNothingOfAClass() throws {
    try Self.tally([50, 50], read: [20, 0], skipped: 2, most: 0.1).check()
  }

  // MARK: Runs

  private let photographs: Photographs
  private var run: String { photographs.root + "/run" }

  init() throws { photographs = try Photographs() }

  private func damage(_ part: String, _ label: String, _ count: Int) throws {
    let folder = "\(photographs.data)/\(part)/\(label)"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted().prefix(count) {
      try Data("no picture".utf8).write(to: URL(filePath: folder + "/" + name))
    }
  }

  private func train(_ options: TrainingOptions, hooks: TrainingHooks = TrainingHooks()) throws -> TrainingReport {
    try NetworkTraining.start(
      options, from: .scratch(Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo, at: run, hooks: hooks
    ) { _ in }
  }

  private func options(frozen: Bool = false, epochs: Int = 2) -> TrainingOptions {
    var options = Photographs.options(photographs.data, epochs: epochs)
    options.images.augmentation = nil
    options.freeze = frozen ? ["backbone"] : []
    return options
  }

  private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: run + "/" + name) }

  /// 32 training images, 16 of each class, a tenth of which is for validation.
  @Test(arguments: [false, true]) func tooManyDamagedImagesEndTheRun(frozen: Bool) throws {
    try damage("train", "cat", 6)
    var options = options(frozen: frozen)
    let fault = try #require(throws: TrainingFault.self) { try train(options) }
    guard case .tooManySkipped = fault else { return #expect(Bool(false), "\(fault)") }
    #expect(!exists("best.h5"))
    options.images.mostSkipped = 0.3
    try FileManager.default.removeItem(atPath: run)
    #expect(try train(options).summary?.skipped == 6)
  }

  @Test(arguments: [false, true]) func aClassWithoutAReadableImageEndsTheRun(frozen: Bool) throws {
    try damage("train", "dog", 16)
    var options = options(frozen: frozen)
    options.images.mostSkipped = 1
    let fault = try #require(throws: TrainingFault.self) { try train(options) }
    #expect("\(fault)".contains("training images of the class 'dog' are unreadable"))
    #expect(!exists("best.h5"))
  }

  @Test(arguments: ["valid", "test"]) func theOtherPartsCountToo(part: String) throws {
    try FileManager.default.copyItem(atPath: photographs.data + "/test", toPath: photographs.data + "/valid")
    try damage(part, "cat", 2)
    let fault = try #require(throws: TrainingFault.self) { try train(options()) }
    let name = part == "valid" ? "validation" : "test"
    guard case .tooManySkipped(let items, _, _, _, _, _, _) = fault else { return #expect(Bool(false), "\(fault)") }
    #expect(items == "\(name) images")
    // What was learned before the test part was scored stays.
    #expect(exists("best.h5") == (part == "test"))
  }

  @Test func dataThatGoAwayEndTheRun() throws {
    let (data, away) = (photographs.data, photographs.root + "/away")
    var hooks = TrainingHooks()
    hooks.observe = { event in
      guard case .finishedEpoch(let row, _) = event, row.epoch == 2 else { return }
      try? FileManager.default.moveItem(atPath: data, toPath: away)
    }
    let options = options(epochs: 5)
    #expect(throws: TrainingFault.self) { try train(options, hooks: hooks) }
    let best = try Data(contentsOf: URL(filePath: run + "/best.h5"))
    let history = try String(contentsOfFile: run + "/history.csv", encoding: .utf8)
    #expect(history.split(separator: "\n").count == 3 && !exists("summary.json"))
    // When the images are back, the run goes on to what it would have been.
    try FileManager.default.moveItem(atPath: away, toPath: data)
    #expect(try Data(contentsOf: URL(filePath: run + "/best.h5")) == best)
    let report = try NetworkTraining.resume(at: run, registry: .zoo) { _ in }
    #expect(report.summary?.epochs == 5)
    let other = photographs.root + "/other"
    _ = try NetworkTraining.start(
      options, from: .scratch(Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo, at: other
    ) { _ in }
    try expectSameRuns(run, other)
  }

  @Test func theShareIsKeptWithTheRun() throws {
    var options = options()
    options.images.mostSkipped = 0.25
    options.images.classes = ["a", "b"]
    let kept = try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options))
    #expect(kept.images.mostSkipped == 0.25 && kept.images.classes == ["a", "b"])
    options.images.mostSkipped = 1.5
    #expect(throws: TrainingFault.self) { try options.validate() }
  }
}
