import AviaryArchives
import AviaryDiagnostics

/// Finds the sources of virtual datasets while one dataset is read. They may be virtual themselves, and a hostile file may
/// map the same bytes again and again: what this costs in all is bounded.
final class VirtualSources {
  /// How many virtual datasets may be made of one another.
  static let depthLimit = 4
  static let visitLimit = 1_000_000
  /// How many times its own bytes a virtual dataset may have unpacked and copied.
  static let ratioLimit = 16

  private struct Key: Hashable {
    let reader: ObjectIdentifier
    let file: ExactText
  }

  private var files: [Key: HDF5Reader] = [:]
  private var visits = 0
  private var bytes: Int
  private let allowed: Int

  /// - Parameter size: of the virtual dataset in bytes.
  init(size: Int) {
    allowed = max(size, HDF5Reader.unstoredLimit).times(Self.ratioLimit) ?? .max
    bytes = allowed
  }

  /// Counts parts of virtual datasets that are looked at.
  func visit(_ parts: Int) throws(Flaw) {
    visits += parts
    guard visits <= Self.visitLimit else { throw .tooMany("parts of virtual datasets", limit: Self.visitLimit) }
  }

  /// The source of a mapping in the file of `reader`.
  func source(_ mapping: VirtualMapping, of reader: HDF5Reader) throws(Flaw) -> (DatasetObject, HDF5Reader) {
    do throws(Flaw) {
      let file = try file(mapping.file, of: reader)
      return (try file.source(mapping.dataset), file)
    } catch {
      throw named(mapping, error)
    }
  }

  /// A flaw of a source, with its name.
  func named(_ mapping: VirtualMapping, _ flaw: Flaw) -> Flaw {
    switch flaw {
    case .tooMany, .tooLarge, .noMemory: return flaw
    default:
      let place = mapping.file.map { "in '\($0)'" } ?? "in the same file"
      let reason = flaw.refusal(of: mapping.dataset).reason
      return .elsewhere(
        "is a virtual dataset with a part of '\(mapping.dataset)' \(place), which cannot be read: \(reason)")
    }
  }

  private func file(_ name: String?, of reader: HDF5Reader) throws(Flaw) -> HDF5Reader {
    guard let name else { return reader }
    let key = Key(reader: ObjectIdentifier(reader), file: ExactText(name))
    if let known = files[key] { return known }
    guard let followed = reader.followed else { throw .followable("is in another file") }
    let opened = try followed.file(named: name, by: reader)
    files[key] = opened
    return opened
  }

  /// Charges what is unpacked.
  func charge(_ count: Int) throws(Flaw) {
    guard count <= bytes else { throw .tooLarge(bytes: allowed - bytes + count, limit: allowed) }
    bytes -= count
  }
}
