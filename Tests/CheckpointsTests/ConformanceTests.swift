import AviaryArchives
import AviaryCheckpoints
import Foundation
import Testing

/// Public HDF5 files that between them use most of the format. What is no array of numbers is a note, what leaves the
/// file a note, and what cannot be read a fault of one line.
@Suite struct ConformanceTests {
  private static let folder = Fixtures.shared + "hdf5-conformance/"

  private static let files: [String] = {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasPrefix("valid-") && $0.contains(".h") }.sorted()
  }()

  @Test(.enabled(if: !files.isEmpty, Fixtures.noShared)) func validFilesAreListed() {
    var readable = 0
    for file in Self.files {
      do throws(CheckpointFault) {
        let checkpoint = try Checkpoint.read(from: Self.folder + file)
        for entry in checkpoint.entries { _ = entry.array.floats() }
        readable += 1
        // Where the library for szip is absent, the rest of the file is read.
        if file.hasSuffix("le_data.h5") {
          let notes = ["be", "le"].map {
            "Szip_float_data_\($0): compression by szip: libsz is not installed; install the package \(Szip.library.package)"
          }
          #expect(checkpoint.notes == (Szip.library.isInstalled ? [] : notes))
        }
      } catch {
        #expect(!error.description.contains("\n"), "\(file)")
      }
    }
    #expect(readable >= 46, "of \(Self.files.count)")
  }
}
