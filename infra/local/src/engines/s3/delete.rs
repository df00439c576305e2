//! `DeleteObject` and `DeleteObjects`.

use std::sync::Arc;

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error,
};
use s3s::{S3Response, S3Result, s3_error};

use crate::engines::s3::conditions::WriteCondition;
use crate::engines::s3::store::{Store, blocking};

/// Most objects of one `DeleteObjects`.
const MAX_BATCH: usize = 1000;

pub(crate) async fn delete_object(
    store: &Arc<Store>,
    mut input: DeleteObjectInput,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let condition = WriteCondition::new(input.if_match.take(), None)?;
    let store = Arc::clone(store);
    blocking(move || {
        store.bucket(&input.bucket)?;
        store.remove(&store.object(&input.bucket, &input.key), &condition)
    })
    .await?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

pub(crate) async fn delete_objects(
    store: &Arc<Store>,
    input: DeleteObjectsInput,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    if input.delete.objects.len() > MAX_BATCH {
        return Err(s3_error!(MalformedXML));
    }
    let store = Arc::clone(store);
    let (deleted, errors) = blocking(move || {
        store.bucket(&input.bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            match store.remove(&store.object(&input.bucket, &object.key), &WriteCondition::Always) {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        if input.delete.quiet == Some(true) {
            deleted.clear();
        }
        Ok((deleted, errors))
    })
    .await?;
    let output = DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    };
    Ok(S3Response::new(output))
}
