import AviaryArchives
import AviaryCheckpoints
import AviaryTestSupport
import Testing

/// Keras files of a model that was trained: what the optimizer keeps, and batch-norm statistics.
@Suite struct KerasTrainingTests {
  private static func read(_ name: String) throws -> Checkpoint {
    try Checkpoint.read(
      from: Goldens.url("keras/\(name)", of: "KerasTests").path, options: .init(readsEverything: true))
  }

  @Test(arguments: ["trained.keras", "trained.h5"]) func theOptimizerIsLeftOut(file: String) throws {
    let checkpoint = try Self.read(file)
    #expect(checkpoint.paths.count == 8)
    #expect(!checkpoint.paths.contains { $0.contains("optimizer") || $0.contains("adam") })
    #expect(checkpoint.notes == ["the optimizer's 14 arrays are left out"])
    #expect(checkpoint.damage.isEmpty)
  }

  @Test func statisticsStayWhole() throws {
    for (file, statistics) in [
      ("trained.keras", ["layers/batch_normalization/vars/2", "layers/batch_normalization/vars/3"]),
      (
        "trained.h5",
        [
          "batch_normalization/sequential/batch_normalization/moving_mean",
          "batch_normalization/sequential/batch_normalization/moving_variance",
        ]
      ),
      // Without a scale the statistics are the second and third; without a shift, too.
      (
        "rectifiers.keras",
        ["", "_1"].flatMap { ["layers/batch_normalization\($0)/vars/1", "layers/batch_normalization\($0)/vars/2"] }
      ),
    ] {
      let checkpoint = try Self.read(file)
      for source in [checkpoint, try checkpoint.dotted()] {
        let whole = source.cast(to: .float16).entries.filter { $0.array.dtype == .float32 }.map(\.path)
        #expect(
          Set(whole.map { String($0.map { $0 == "." ? "/" : $0 }) }) == Set(statistics), "\(file)")
      }
    }
  }

  @Test func numbersAreInTheirOrder() throws {
    let arrays = (0..<12).map { StoredArray([Float($0)], shape: [1]) }
    try Fixtures.inFolder { folder in
      let path = folder + "/x.weights.h5"
      try KerasWeightsWriter.write(
        [.init(place: "odd", name: "odd", groups: [("", arrays), ("cell", arrays)])], to: path)
      let found = try Checkpoint.read(from: path).paths
      let expected = ["cell/vars", "vars"].map { group in (0..<12).map { "layers/odd/\(group)/\($0)" } }
      #expect(found == expected.flatMap { $0 })
    }
  }

  /// In this archive the weights begin at byte 2048, where an HDF5 file with a block of its user's would.
  @Test func archivesAreNoHDF5() throws {
    let path = Goldens.url("keras/end_scores_average.keras", of: "KerasTests").path
    let bytes = try MappedFile(path: path).bytes.array()
    #expect(Array(bytes[2048..<2052]) == [0x89, 0x48, 0x44, 0x46])
    #expect(try Checkpoint.read(from: path).format == .kerasArchive)
  }

  @Test func statisticsAreKnownByTheirNames() {
    var checkpoint = Checkpoint()
    let names = [
      "bn/moving_mean", "bn/moving_mean:0", "bn/bn/moving_variance:0", "bn.running_var",
      "batchnormalization_1_running_std", "running_mean",
    ]
    let others = ["bn/gamma:0", "moving_mean/kernel", "running_mean.weight", "bn/moving_meaning"]
    for name in names + others { checkpoint.set(StoredArray([1] as [Float], shape: [1]), at: name) }
    let half = checkpoint.cast(to: .bfloat16)
    for name in names { #expect(half[name]?.dtype == .float32, "\(name)") }
    for name in others { #expect(half[name]?.dtype == .bfloat16, "\(name)") }
  }
}
