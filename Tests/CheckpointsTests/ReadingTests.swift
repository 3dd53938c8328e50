import AviaryArchives
import AviaryCheckpoints
import AviaryHDF5
import Testing

@Suite struct ReadingTests {
  @Test func theTablesAreThere() {
    #expect(Fixtures.table("fixtures.json").count == 27)
    #expect(Fixtures.table("shared.json").count > 50)
  }

  @Test(arguments: Fixtures.table("fixtures.json").keys.sorted(), [true, false])
  func fixturesHoldWhatOthersFind(file: String, map: Bool) throws {
    let expected = try #require(Fixtures.table("fixtures.json")[file])
    let checkpoint = try Checkpoint.read(from: Fixtures.path(file), options: .init(map: map))
    Fixtures.check(checkpoint, expected, file)
  }

  @Test(
    .enabled(if: Fixtures.hasShared, Fixtures.noShared),
    arguments: Fixtures.table("shared.json").keys.filter { $0.contains("/") }.sorted())
  func publicFilesHoldWhatOthersFind(file: String) throws {
    let expected = try #require(Fixtures.table("shared.json")[file])
    Fixtures.check(try Checkpoint.read(from: Fixtures.shared + file), expected, file)
  }

  @Test func orderIsTheFiles() throws {
    let paths = try Checkpoint.read(from: Fixtures.path("zip.pth")).paths
    #expect(paths.first == "types.float64")
    #expect(paths.last == "odd.special")
  }

  @Test func trainingCheckpointsKeepTheirFacts() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("training.pth"))
    #expect(checkpoint.format == .pytorchZip)
    #expect(checkpoint.metadata.extra["epoch"] == "3")
    #expect(checkpoint.metadata.extra["best_acc"] == "0.75")
    #expect(checkpoint.metadata.extra["pytorch.key"] == "state_dict")
    #expect(checkpoint.metadata.extra["pytorch.prefix"] == "module._orig_mod.")
  }

  @Test func kerasLayersKeepOrderAndKind() throws {
    let model = try #require(try Checkpoint.read(from: Fixtures.path("keras2.h5")).kerasModel)
    #expect(model.layers.map(\.name) == ["conv", "flatten", "bn", "out/dense"])
    #expect(model.layers.map(\.kind) == ["Conv2D", "Flatten", "BatchNormalization", "Dense"])
    #expect(model.layers[0].dataFormat == "channels_last")
    #expect(model.layers[0].weights.map(\.name) == ["conv/kernel:0", "conv/bias:0"])
    #expect(model.version == "2.4.0")
    #expect(model.backend == "tensorflow")
    let chunked = try #require(try Checkpoint.read(from: Fixtures.path("keras_chunked_names.h5")).kerasModel)
    #expect(chunked.layers.count == 6)
    #expect(chunked.version == "3.1.0")
  }

  @Test func whatIsNotReadIsToldFromWhatIsNoTensor() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("plain.h5"))
    #expect(checkpoint.format == .hdf5)
    #expect(checkpoint.unreadable.map(\.path) == ["external", "outside", "virtual"])
    let how =
      "it is an external link to '/x' in the file 'other.h5'; --follow reads it if the files are in the same folder"
    #expect(checkpoint.unreadable.first { $0.path == "outside" }?.reason == how)
    // Lost is nothing where a group is listed under another name, and text is no tensor.
    #expect(checkpoint.notes.count == 2)
    for name in ["deep/circle", "text"] {
      #expect(checkpoint.notes.contains { $0.hasPrefix(name + ":") }, "\(name)")
    }
    // Soft links within the file are followed.
    #expect(checkpoint["soft"]?.floats() == checkpoint["big"]?.floats())
    #expect(checkpoint.metadata.extra["fixed"] == "ascii")
    #expect(checkpoint.metadata.extra["variable"] == "über")
    #expect(checkpoint.metadata.extra["one"] == "single")
  }

  @Test func safetensorsMetadataIsTaken() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("all.safetensors"))
    #expect(checkpoint.metadata.architecture == "toy")
    #expect(checkpoint.metadata.extra["note"] == "quoted \"text\" ü")
  }

  @Test func whatIsNoStateDictionaryIsNamed() throws {
    #expect(throws: CheckpointFault.noTensors(path: Fixtures.path("notensors.pth"))) {
      try Checkpoint.read(from: Fixtures.path("notensors.pth"))
    }
    #expect(throws: CheckpointFault.unknownFormat(path: Fixtures.path("fixtures.json"))) {
      try Checkpoint.read(from: Fixtures.path("fixtures.json"))
    }
    #expect(throws: CheckpointFault.archive(.notFound(path: "/none.pth"))) { try Checkpoint.read(from: "/none.pth") }
  }

  @Test(.enabled(if: Fixtures.hasShared, Fixtures.noShared)) func brokenPublicFilesAreRefused() throws {
    let truncated = Fixtures.shared + "checkpoints-pytorch/broken/resnet18-f37072fd.truncated-580kB.pth"
    #expect(throws: CheckpointFault.archive(.noDirectory(path: truncated))) { try Checkpoint.read(from: truncated) }
    // PyTorch does not open this one, whose storages are no persistent references.
    let tar = try Checkpoint.read(from: Fixtures.shared + "checkpoints-pytorch/reader-cases/tar_weight_bias.tar")
    #expect(tar["weight"]?.shape == [2, 3])
    #expect(tar["weight"]?.floats() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    #expect(tar["bias"]?.floats() == [0.01, 0.02])
  }
}
