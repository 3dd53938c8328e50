import AviaryArchives
import AviaryKeras
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryCheckpoints

/// Files that Aviary 0.1 wrote are read as it read them. They are in Goldens/version-0.1 and are never written again.
@Suite struct FirstVersionTests {
  private static func file(_ name: String) -> String {
    Goldens.url("version-0.1/\(name)", of: "CheckpointsTests").path
  }

  @Test func aConvertedChainIsWrittenAgainByteForByte() throws {
    let path = Self.file("chain.h5")
    let checkpoint = try Checkpoint.read(from: path)
    #expect(checkpoint.metadata.architecture == "keras-chain" && checkpoint.metadata.configuration?.members != nil)
    #expect(checkpoint.metadata.settings.count == 2)
    let loaded = try Registry.standard.model(from: checkpoint, path: path)
    #expect(loaded.report.isComplete && loaded.report.conversions.isEmpty && loaded.report.ignoredSettings.isEmpty)
    try Fixtures.inFolder { folder in
      try checkpoint.write(to: folder + "/x.h5")
      #expect(try MappedFile(path: folder + "/x.h5").bytes.array() == MappedFile(path: path).bytes.array())
    }
    // The file lacks the counter that Keras does not have.
    let again = loaded.model.checkpoint(architecture: loaded.architecture.name)
    #expect(CheckpointDifference(again, checkpoint).onlyInFirst == loaded.report.missingCounters)
    #expect(again.metadata == checkpoint.metadata)
  }

  /// 0.1 wrote null for a metric that was not measured.
  @Test func aCharacterModelKeepsItsClassesAndMetrics() throws {
    let path = Self.file("characters.h5")
    let checkpoint = try Checkpoint.read(from: path)
    #expect(Array(checkpoint.metadata.metrics.keys) == ["validation_loss"])
    #expect(checkpoint.metadata.preprocessing == .members(["text": .members(["unit": .text("character")])]))
    #expect(checkpoint.metadata.classes?.count == checkpoint["head.bias"]?.count)
    #expect(try Registry.standard.model(from: checkpoint, path: path).report.isComplete)
  }
}
