import AviaryArchives

/// The weights that a run kept after some of its epochs: `epoch-003.h5`.
public enum SavedEpochs {
  /// The epochs and the paths of their files, in their order.
  public static func list(in folder: String) -> [(epoch: Int, path: String)] {
    let names = (try? FileSystem.names(in: folder)) ?? []
    return names.compactMap { name in number(name).map { (epoch: $0, path: folder + "/" + name) } }
      .sorted { $0.epoch < $1.epoch }
  }

  static func name(_ epoch: Int) -> String {
    let digits = "\(epoch)"
    return "epoch-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits + ".h5"
  }

  /// The epoch of a file by its name; nil of other files.
  private static func number(_ name: String) -> Int? {
    guard name.hasPrefix("epoch-"), name.hasSuffix(".h5"), let number = Int(name.dropFirst(6).dropLast(3)),
      self.name(number) == name
    else { return nil }
    return number
  }

  /// The names of files that a killed process may have left unfinished.
  static func unfinished(in folder: String) -> [String] {
    let names = (try? FileSystem.names(in: folder)) ?? []
    // A dot, the name, and a dot with six letters.
    return names.filter { $0.hasPrefix(".epoch-") && $0.count > 8 }.map { String($0.dropFirst().dropLast(7)) }
      .filter { number($0) != nil }
  }
}
