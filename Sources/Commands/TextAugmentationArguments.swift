import ArgumentParser
import Aviary
import AviaryArchives

/// Random changes of the training texts in a table.
struct TextAugmentationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Random changes of training texts by words, each with the share of words: a list of swap=, delete=, insert=, synonyms=, such as swap=0.1,delete=0.1 (none).",
      valueName: "changes"))
  var textAugment: String?
  @Option(
    help: ArgumentHelp(
      "Words that mean the same, for insert and synonyms: a file with a group in each line, divided by commas or tabs.",
      valueName: "file"))
  var synonyms: String?

  private static let mostBytes = 1 << 26

  func validate() throws {
    let asked = try parsed
    let needsWords = asked?.insertion != nil || asked?.replacement != nil
    if synonyms != nil, !needsWords {
      throw ValidationError("--synonyms needs --text-augment with insert= or synonyms=")
    }
    if needsWords, synonyms == nil {
      throw ValidationError("--text-augment \(textAugment ?? "") needs --synonyms FILE")
    }
  }

  /// All but the synonyms.
  private var parsed: TextAugmentation? {
    get throws {
      guard let textAugment, textAugment != "none" else { return nil }
      var result = TextAugmentation()
      for item in textAugment.split(separator: ",", omittingEmptySubsequences: false) {
        let parts = item.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let share = Double(parts[1]) else {
          throw ValidationError("--text-augment '\(item)': give a change with its share, such as swap=0.1")
        }
        try checkOption("--text-augment \(parts[0])", share, "above 0 and at most 1") { $0 > 0 && $0 <= 1 }
        switch parts[0] {
        case "swap": result.swap = share
        case "delete": result.deletion = share
        case "insert": result.insertion = share
        case "synonyms": result.replacement = share
        default:
          throw ValidationError("--text-augment '\(parts[0])' is not known; use swap, delete, insert or synonyms")
        }
      }
      return result
    }
  }

  /// What was asked for, with the words of the file; nil for nothing.
  var augmentation: TextAugmentation? {
    get throws {
      guard var result = try parsed else { return nil }
      if let synonyms { result.synonyms = try Self.groups(of: synonyms) }
      return result
    }
  }

  private static func groups(of path: String) throws -> [[String]] {
    let bytes = try MappedFile(path: path, map: false).bytes
    guard bytes.count <= mostBytes, let text = TextEncoding.text(bytes.array()) else {
      throw OptionFault("--synonyms \(path): not a text in UTF-8 of at most 64 MiB")
    }
    let groups = TextAugmentation.groups(in: text)
    guard !groups.isEmpty else {
      throw OptionFault("--synonyms \(path): no line has two words; divide words that mean the same by commas")
    }
    return groups
  }
}
