/// What a division of items holds out, as checksums: two divisions of the same items are compared by them, however the items
/// are prepared.
public struct HeldOut: Codable, Equatable, Sendable {
  /// Of the items that choose the best epoch; nil where there are none.
  public let validation: String?
  /// Of those that are scored once, at the end; nil where there are none.
  public let test: String?
  /// Of those that a bootstrap sample did not draw; nil where there are none.
  public let outOfBag: String?

  /// Checksums of parts that are known; nil for those without items.
  public init(validation: DataFingerprint?, test: DataFingerprint?, outOfBag: DataFingerprint? = nil) {
    (self.validation, self.test, self.outOfBag) = (validation?.text, test?.text, outOfBag?.text)
  }

  /// What examples hold out, by their places.
  public init(_ split: DataSplit) {
    func fingerprint(_ places: [Int]) -> DataFingerprint? {
      guard !places.isEmpty else { return nil }
      var fingerprint = DataFingerprint()
      fingerprint.add(places)
      return fingerprint
    }
    self.init(
      validation: fingerprint(split.validation), test: fingerprint(split.test), outOfBag: fingerprint(split.outOfBag))
  }

  /// What images hold out, by the names of their files.
  public init(_ parts: DatasetParts<ImageFolder>) {
    func fingerprint(_ images: ImageFolder) -> DataFingerprint {
      var fingerprint = DataFingerprint()
      fingerprint.add(images)
      return fingerprint
    }
    self.init(
      validation: parts.validation.map(fingerprint), test: parts.test.map(fingerprint),
      outOfBag: parts.outOfBag.map(fingerprint))
  }
}
