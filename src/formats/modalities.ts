/** Defined terms of Modality (PS3.3 C.7.3.1.1.1), retired ones too. */
const MODALITIES: ReadonlySet<string> = new Set(
  [
    "ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT",
    "IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PHOTO PLAN POS PR PT PX REG RESP",
    "RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG",
    "US VA XA XAPROTOCOL XC AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST TEXTURE VF",
  ].flatMap((line) => line.split(" ")),
);

/** The modality where it is one of DICOM's own terms; null for whatever else somebody wrote there. */
export function definedModality(modality: string | null): string | null {
  return modality !== null && MODALITIES.has(modality) ? modality : null;
}
